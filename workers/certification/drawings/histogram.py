"""Score histograms: how similar photos are to each other, and where the threshold lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workers.certification.drawings.canvas import (
    AFTER,
    BEFORE,
    DASHED,
    INK,
    Drawing,
    Look,
    blank,
    unless_empty,
)
from workers.certification.intervals import Floats

Curves = Mapping[str, Any]
_SEEN = 1e-4  # share of comparisons: a bar of less is no higher than the axis is thick
_NOT_DRAWN = "Not drawn: there was nothing to compare."


@dataclass(frozen=True)
class Scores:
    """Shares of comparisons in bins of similarity."""

    label: str
    edges: Floats  # (n + 1,)
    shares: Floats  # (n,)
    look: Look

    @classmethod
    def of(cls, label: str, edges: Floats, shares: Floats, look: Look) -> Scores:
        """Without the empty bins at both ends, which a line along the axis would fill."""
        filled = np.flatnonzero(shares > _SEEN)
        first, last = filled[0], filled[-1] + 1
        return cls(label, edges[first : last + 1], shares[first:last], look)

    @property
    def density(self) -> Floats:
        """Shares by width, so that histograms of other bins stand beside these."""
        density: Floats = self.shares / np.diff(self.edges)
        return density

    def at(self, share: float) -> float:
        """The similarity below which ``share`` of the comparisons lie."""
        cumulated = np.concatenate([[0.0], np.cumsum(self.shares)])
        return float(np.interp(share * cumulated[-1], cumulated, self.edges))

    def words(self) -> str:
        low, middle, high = (self.at(share) for share in (0.05, 0.5, 0.95))
        return f"{self.label}: nine in ten between {low:.2f} and {high:.2f}, middle {middle:.2f}."


_FILLED_BEFORE: Look = {"fill": True, "facecolor": BEFORE, "alpha": 0.55, "edgecolor": "none"}
_FILLED_AFTER: Look = {"fill": True, "facecolor": AFTER, "alpha": 0.65, "edgecolor": "none"}
_OTHERS: Look = {"edgecolor": INK, "linestyle": DASHED, "linewidth": 1.1}


def subject(
    name: str, of_subject: Curves, benchmark: Curves, threshold: float | None
) -> tuple[Drawing, Drawing]:
    """The subject's photos against each other beside other people's, before and after."""
    pairs = [
        [
            _scores("the subject’s photos", of_subject, f"mated_{version}", filled),
            _scores("different people", benchmark, f"non_mated_{version}", _OTHERS),
        ]
        for version, filled in (("old", _FILLED_BEFORE), ("new", _FILLED_AFTER))
    ]
    known = [scores for pair in pairs for scores in pair if scores]
    before, after = (
        _drawing(f"{name}-{version}", opening, pair, known, threshold)
        for version, opening, pair in zip(
            ("before", "after"), ("Before the erasure", "After it"), pairs, strict=True
        )
    )
    return before, after


def cross_version(
    name: str, of_subject: Curves, benchmark: Curves, threshold: float | None
) -> Drawing:
    """New photos against old templates, as in a gallery that was kept."""
    found = [
        _scores("new photos, old templates", of_subject, "cross_version", _FILLED_AFTER),
        _scores("different people", benchmark, "non_mated_old", _OTHERS),
    ]
    return _drawing(name, "Where the old gallery is kept", found, found, threshold)


def everybody(name: str, benchmark: Curves, threshold: float | None) -> Drawing:
    """Everybody else's photos of one person, before and after, beside those of two people."""
    found = [
        _scores("one person, before", benchmark, "mated_old", _FILLED_BEFORE),
        _scores(
            "one person, after", benchmark, "mated_new", {"edgecolor": AFTER, "linewidth": 1.5}
        ),
        _scores("two people", benchmark, "non_mated_new", _OTHERS),
    ]
    return _drawing(name, "Everybody else", found, found, threshold)


def _scores(label: str, curves: Curves, key: str, look: Look) -> Scores | None:
    """None where nothing was measured."""
    edges, shares = curves.get("bins") or [], curves.get(key) or []
    if not unless_empty(edges, shares):
        return None
    known = np.array([share or 0.0 for share in shares], dtype=np.float64)
    if not (known > _SEEN).any():
        return None
    return Scores.of(label, np.array(edges, dtype=np.float64), known, look)


def _drawing(
    name: str,
    opening: str,
    found: Sequence[Scores | None],
    of_frame: Sequence[Scores | None],
    threshold: float | None,
) -> Drawing:
    """The first of ``found`` is what it is about; the frame fits all of ``of_frame``."""
    if found[0] is None:
        return Drawing(_NOT_DRAWN)
    shown = [scores for scores in found if scores]
    frame = [scores for scores in of_frame if scores]
    words = f"{opening}, similarity of photos. " + " ".join(scores.words() for scores in shown)
    with blank() as canvas:
        axes = canvas.axes
        for scores in shown:
            axes.stairs(scores.density, scores.edges, label=scores.label, baseline=0, **scores.look)
        top = 1.16 * max(scores.density.max() for scores in frame)
        axes.set_ylim(0, top)
        axes.set_xlim(*_span(frame, threshold))
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("similarity (cosine)")
        if threshold is not None:
            words += f" The threshold is {threshold:.3f}: from there on, photos match."
            axes.vlines(threshold, 0, top, colors=INK, linewidth=1)
            axes.annotate(
                f"match from {threshold:.2f}", (threshold, top), (4, -1), va="top", fontsize=8.5,
                textcoords="offset points",
            )  # fmt: skip
        canvas.legend()
        return canvas.drawing(name, words)


def _span(frame: Sequence[Scores], threshold: float | None) -> tuple[float, float]:
    """From the lowest to the highest bar, and the threshold with its label."""
    marks = [] if threshold is None else [threshold]
    low = min([scores.edges[0] for scores in frame] + marks)
    high = max([scores.edges[-1] for scores in frame] + [mark + 0.25 for mark in marks])
    return float(low) - 0.02, float(high) + 0.02
