"""Names of settings and of files in the pages are those of the programs, and none is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from storage.settings import Settings
from tests.docs.pages import PAGES, ROOT, inline

_NAME = re.compile(r"\bLETHE_[A-Z0-9_]*[A-Z0-9]\b(?!_?…)")
SETTINGS = {f"LETHE_{name.upper()}" for name in Settings.model_fields}
# Read by one program alone, not by every process: name → the file that reads it.
OTHERS = {
    "LETHE_DATA": "lethe/commands/up.py",
    "LETHE_SERVER": "lethe/commands/tickets.py",
    "LETHE_TOKEN": "lethe/commands/tickets.py",
    "LETHE_TOKEN_FILE": "lethe/commands/tickets.py",
    "LETHE_NEW_PASSWORD": "lethe/commands/users.py",
    "LETHE_FACES": "tests/conftest.py",
    "LETHE_LISTEN": "docker/compose.yaml",
}
FOLDERS = ("benchmarks", "charts", "docker", "docs", "lethe", "storage", "tests", "web", "workers")


def named(page: Path) -> set[str]:
    return set(_NAME.findall(page.read_text("utf-8")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_no_setting_that_there_is_not(page: Path) -> None:
    made_up = {
        name
        for name in named(page) - SETTINGS - OTHERS.keys()
        if not any(known.startswith(f"{name}_") for known in SETTINGS)
    }
    assert not made_up


def test_every_setting_is_on_some_page() -> None:
    assert not SETTINGS - set().union(*map(named, PAGES))


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_setting_of_all_is_read_where_the_list_says(name: str) -> None:
    assert name in (ROOT / OTHERS[name]).read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_are_there(page: Path) -> None:
    for text in inline(page):
        path, *_ = text.split("::")
        if re.fullmatch(rf"(?:{'|'.join(FOLDERS)})/[\w./-]*", path) and "." in path.split("/")[-1]:
            made_of = ROOT / f"{path}.example"  # by whoever installs it
            assert (ROOT / path).exists() or made_of.exists(), f"{page.name}: there is no {path}"
