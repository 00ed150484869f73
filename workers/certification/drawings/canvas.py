"""One look for all drawings, and Matplotlib's SVG made fit to stand in a page with others.

A drawing is 331 units wide, which a phone shows at its own size: two stand side by side on paper.
Text stays text, in the font of the page. Before is grey and dashed or hollow, after is blue and
solid or filled, so that neither colour-blind readers nor grey printers lose which is which.
"""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from markupsafe import Markup

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Look = Mapping[str, Any]  # keywords of Matplotlib's

INK, MUTED, LINE = "#1c2230", "#5b6478", "#dfe3ea"
BEFORE, AFTER = "#8a93a5", "#3452cc"
DASHED = (0, (4, 2))
WIDTH = 4.6  # inches of 72 units
BOTTOM = 0.42  # for the numbers and the name of an axis
SMALL = 8.5  # font size in units; a unit is about a CSS pixel

_STYLE: Any = {
    "svg.fonttype": "none",  # text as text
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.labelsize": SMALL,
    "axes.linewidth": 1,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "legend.frameon": False,
    "legend.fontsize": SMALL,
}
# Matplotlib's settings belong to the whole process, so one drawing is made at a time.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Drawing:
    """``svg`` is None where there is nothing to draw; ``words`` then says why."""

    words: str  # what the drawing shows, figures included
    svg: Markup | None = None


@dataclass(frozen=True)
class Canvas:
    """A figure with one pair of axes."""

    figure: Figure
    axes: Axes

    def legend(self) -> None:
        """Above the axes, in the order drawn."""
        self.axes.legend(
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=3,
            borderpad=0,
            borderaxespad=0.4,
            handlelength=1.8,
            columnspacing=1.2,
            handletextpad=0.5,
        )

    def drawing(self, name: str, words: str) -> Drawing:
        """``name`` must be another for each drawing of a page: ids are made of it."""
        import matplotlib
        from matplotlib.backends.backend_svg import FigureCanvasSVG

        for artist in self.figure.findobj():
            artist.set_clip_on(False)  # nothing lies outside; and a clip refers by url()
        file = io.StringIO()
        canvas: Any = FigureCanvasSVG(self.figure)
        with matplotlib.rc_context({"svg.hashsalt": name}):
            canvas.print_svg(file, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
        return Drawing(words, _inline(file.getvalue(), name, words))


@contextmanager
def blank(
    height: float = 2.5, left: float = 0.05, right: float = 0.05, top: float = 0.26
) -> Iterator[Canvas]:
    """An empty canvas, in inches. Margins are given, not measured: drawings in a row line up.

    >>> with blank() as canvas:
    ...     canvas.axes.plot([0, 1], [0, 1])
    ...     drawing = canvas.drawing("diagonal", "A line from 0 to 1.")
    """
    import matplotlib
    from matplotlib.figure import Figure

    margins = {
        "left": left / WIDTH,
        "right": 1 - right / WIDTH,
        "top": 1 - top / height,
        "bottom": BOTTOM / height,
    }
    with _one_at_a_time, matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH, height))
        yield Canvas(figure, figure.subplots(gridspec_kw=margins))


def unless_empty(*lists: Sequence[Any]) -> bool:
    """Whether each list has something in it that was measured."""
    return all(any(value is not None for value in values) for values in lists)


def _inline(svg: str, name: str, words: str) -> Markup:
    """The SVG without what only a file of its own needs, as an image with a text alternative."""
    root = ElementTree.fromstring(svg)  # noqa: S314 - Matplotlib has just written it
    kept = _wanted(root)
    kept.attrib = {
        "viewBox": root.attrib["viewBox"],
        "role": "img",
        "aria-label": words,
        "id": name,
    }
    return Markup(ElementTree.tostring(kept, encoding="unicode"))  # noqa: S704 - tostring escapes


_NUMBER = re.compile(r"-?\d+\.\d{2,}")
_UNTURNED = re.compile(r"rotate\(-?0 [^)]*\)")
_FONT = re.compile(r"font(-family)?: [^;]*;? ?")


def _wanted(element: ElementTree.Element) -> ElementTree.Element:
    """The element with names free of namespaces, short numbers, and ids only where used."""
    kept = ElementTree.Element(_local(element.tag), _attributes(element))
    kept.text = (element.text or "").strip() or None
    for child in element:
        if _local(child.tag) in ("style", "metadata") or child.attrib.get("id") == "patch_1":
            continue
        wanted = _wanted(child)
        if wanted.tag in ("g", "defs") and not wanted.attrib:
            kept.extend(wanted if wanted.tag == "g" else [wanted] if len(wanted) else [])
        else:
            kept.append(wanted)
    return kept


def _attributes(element: ElementTree.Element) -> dict[str, str]:
    attributes = {_local(key): value for key, value in element.attrib.items()}
    if _local(element.tag) == "g":  # a group is known by its id alone, and nobody asks for it
        attributes.pop("id", None)
    if _UNTURNED.fullmatch(attributes.get("transform", "")):
        del attributes["transform"]
    if "style" in attributes and _local(element.tag) == "text":
        attributes["style"] = _FONT.sub("", attributes["style"]).strip("; ")
    return {key: _short(value) for key, value in attributes.items()}


def _short(value: str) -> str:
    rounded = _NUMBER.sub(lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), value)
    return " ".join(rounded.split())


def _local(name: str) -> str:
    return name.rpartition("}")[2]
