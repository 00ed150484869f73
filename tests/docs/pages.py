"""The pages as they are read: blocks of code, code within a line, headings and links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCE = re.compile(r"^\s*(?:```|~~~)\s*([\w-]*)")
_INLINE = re.compile(r"(?<!`)`([^`\n]+(?:\n[^`\n]+)?)`(?!`)")
_LINK = re.compile(r"\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^)\s]+)\)")
_INDENT = "    "


@dataclass(frozen=True)
class Block:
    page: Path
    line: int  # number of its first
    kind: str  # the fence's word; "" of a plain fence, "indented" without one
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    kind: str | None = None
    held: list[str] = []
    begun, blank = 0, True
    for number, line in enumerate([*page.read_text("utf-8").splitlines(), ""], 1):
        fence = _FENCE.match(line)
        if kind is not None and kind != "indented":
            if fence:
                yield Block(page, begun, kind, "\n".join(held))
                kind, held, blank = None, [], True
            else:
                held.append(line)
            continue
        inside = line.startswith(_INDENT) and line.strip() and (blank or kind == "indented")
        if kind == "indented" and not inside:
            yield Block(page, begun, kind, "\n".join(held))
            kind, held = None, []
        if fence:
            kind, begun = fence.group(1), number + 1
        elif inside:
            kind, begun = "indented", begun if kind else number
            held.append(line.removeprefix(_INDENT))
        blank = not line.strip()


def prose(page: Path) -> str:
    """The page without its blocks; as many lines as it has."""
    lines = page.read_text("utf-8").splitlines()
    for block in blocks(page):
        for number in range(block.line - 1, block.line - 1 + block.text.count("\n") + 1):
            lines[number] = ""
    return "\n".join(line for line in lines if not _FENCE.match(line))


def inline(page: Path) -> list[str]:
    return [" ".join(found.split()) for found in _INLINE.findall(prose(page))]


def links(page: Path) -> list[str]:
    return _LINK.findall(_INLINE.sub("", prose(page)))


def anchors(page: Path) -> set[str]:
    """Of its headings, as GitHub makes them."""
    found: dict[str, int] = {}
    made = set()
    for heading in re.findall(r"^#+ +(.+?)\s*#*$", prose(page), re.MULTILINE):
        text = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        made.add(slug if slug not in found else f"{slug}-{found[slug]}")
        found[slug] = found.get(slug, 0) + 1
    return made
