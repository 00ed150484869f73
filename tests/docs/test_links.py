"""Links in the pages lead somewhere, and the pages can be found from the first of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, anchors, links

MIB = 1024 * 1024


def local(page: Path) -> list[str]:
    return [link for link in links(page) if "://" not in link and not link.startswith("mailto:")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_within_the_repository_leads_to_a_file_and_a_heading(page: Path) -> None:
    for link in local(page):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), f"{page.name}: {link}: there is no such file"
        if anchor:
            assert anchor in anchors(target), f"{page.name}: {link}: there is no such heading"


def test_every_page_is_reached_from_the_readme() -> None:
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop().resolve()
        if page in reached or not page.exists():
            continue
        if page.is_dir():
            ahead += page.glob("*.md")
        elif page.suffix == ".md":
            reached.add(page)
            ahead += [page.parent / link.partition("#")[0] for link in local(page)]
    assert {page.resolve() for page in PAGES} <= reached


def test_pictures_are_small_and_each_is_shown() -> None:
    shown = {(page.parent / link).resolve() for page in PAGES for link in local(page)}
    for picture in (ROOT / "docs" / "pictures").iterdir():
        assert picture.resolve() in shown, picture.name
        assert picture.stat().st_size < 0.15 * MIB, picture.name
