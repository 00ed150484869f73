"""How many bytes a page is, with its styles and scripts and without pictures, as they are sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser

import requests

from benchmarks.desk.one_core import OneCore

AIM = 150.0  # kB (1,000 bytes)


@dataclass(frozen=True)
class Weight:
    """Bytes."""

    page: int
    styles: int
    scripts: int

    @property
    def all(self) -> int:
        return self.page + self.styles + self.scripts


class _Parts(HTMLParser):
    """Paths of what a page has fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.styles: list[str] = []
        self.scripts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "link" and given.get("rel") == "stylesheet":
            self.styles.append(given["href"] or "")
        if tag == "script":
            self.scripts.append(given["src"] or "")


def say(core: OneCore, paths: Mapping[str, str]) -> None:
    """Prints a row for each path, by what it is."""
    columns = "".join(f"{column:>10}" for column in ("html", "css", "js", "all"))
    print(f"\nkB as they are sent, without pictures; aim: {AIM:.0f} at most\n{'':40}{columns}")
    for what, path in paths.items():
        found = weigh(core, path)
        sizes = (found.page, found.styles, found.scripts, found.all)
        cells = "".join(f"{size / 1000:>10.1f}" for size in sizes)
        print(f"{what:40}{cells}{'kept' if found.all <= 1000 * AIM else 'MISSED':>8}", flush=True)


def weigh(core: OneCore, path: str) -> Weight:
    page = core.page(path)()
    styles, scripts = (
        sum(_sent(core.page(part)()) for part in parts) for parts in fetched(page.text)
    )
    return Weight(_sent(page), styles, scripts)


def fetched(page: str) -> tuple[list[str], list[str]]:
    """Paths of its styles and of its scripts."""
    parts = _Parts()
    parts.feed(page)
    return parts.styles, parts.scripts


def _sent(answer: requests.Response) -> int:
    """Bytes of a body, in the encoding that it came in."""
    return int(answer.headers["Content-Length"])
