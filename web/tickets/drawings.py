"""The drawings of a ticket's report, each as an SVG of its own for an ``<img>``.

The report is one HTML file that a worker wrote, and no text of it is trusted here: a drawing runs
nothing in an ``<img>``, and at its own address ``DRAWING_CSP`` lets it run and load nothing.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _

DRAWING_CSP = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
LARGEST = 512 * 1024  # characters of a drawing; a report's largest has 40 kB
_SVG = re.compile(r'<svg ([^<>]*\bid="([a-z0-9-]{1,64})"[^<>]*)>(.*?)</svg>', re.DOTALL)
_WORDS = re.compile(r'\baria-label="([^"]*)"')
_BOX = re.compile(r'\bviewBox="0 0 (\d{1,4}(?:\.\d{1,3})?) (\d{1,4}(?:\.\d{1,3})?)"')
# An image takes no style from the page that shows it.
_ROOT = (
    'xmlns="http://www.w3.org/2000/svg" stroke-linejoin="round" '
    "font-family=\"system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif\""
)


@dataclass(frozen=True)
class Drawing:
    name: str
    words: str  # what it shows, figures included
    width: int
    height: int
    svg: str


@dataclass(frozen=True)
class Group:
    """Drawings that stand side by side."""

    title: str
    text: str
    drawings: tuple[tuple[str, Drawing], ...]  # each with its caption


# Title, what to look for, and (name in the report, caption) of the drawings; one ticket has one
# subject, the report's first.
_GROUPS: tuple[tuple[Any, Any, tuple[tuple[str, Any], ...]], ...] = (
    (
        _("How similar the subject's photos are"),
        _("What lies right of the line matches. Forgotten: the filled shape is under the dashed."),
        (("subject-1-scores-before", _("Before")), ("subject-1-scores-after", _("After"))),
    ),
    (
        _("Each photo of the subject against each other"),
        _("Photos are numbered, not shown. A dark square says that two of them are alike."),
        (("subject-1-similarity-before", _("Before")), ("subject-1-similarity-after", _("After"))),
    ),
    (
        _("Everybody else"),
        _("The two versions should lie on each other: what was kept is as it was."),
        (("det", _("Errors at every threshold (DET)")), ("everybody", _("Similarities"))),
    ),
    (
        _("Galleries kept or made anew"),
        _("What a gallery finds that holds old templates, or new ones of the same person."),
        (
            ("subject-1-old-gallery", _("Old gallery, new photos")),
            ("subject-1-cmc", _("Enrolled again")),
        ),
    ),
    (
        _("Attacks on the new version"),
        _("Less is better; the bar through a dot is its interval (95 %)."),
        (
            ("subject-1-new-photos", _("With new photos of the subject")),
            ("subject-1-other-ways", _("By other ways")),
            ("subject-1-relearning", _("Relearning")),
        ),
    ),
)


def drawings(report: str) -> dict[str, Drawing]:
    """By name. A report without drawings, or with odd ones, has none."""
    return {drawing.name: drawing for drawing in _found(report)}


def groups(report: str) -> list[Group]:
    """Those that the ticket's page shows, in its order."""
    found = drawings(report)
    made = (
        Group(
            str(title),
            str(text),
            tuple((str(words), found[name]) for name, words in captions if name in found),
        )
        for title, text, captions in _GROUPS
    )
    return [group for group in made if group.drawings]


def _found(report: str) -> Iterator[Drawing]:
    for svg in _SVG.finditer(report):
        attributes, name, content = svg.groups()
        words, box = _WORDS.search(attributes), _BOX.search(attributes)
        if words and box and len(content) <= LARGEST:
            width, height = (round(float(side)) for side in box.groups())
            whole = f"<svg {_ROOT} {attributes}>{content}</svg>"
            yield Drawing(name, html.unescape(words[1]), width, height, whole)
