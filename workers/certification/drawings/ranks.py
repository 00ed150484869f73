"""Cumulative match characteristic: at which rank a search finds the subject (NIST FRTE 1:N)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workers.certification.drawings.canvas import (
    AFTER,
    BEFORE,
    DASHED,
    Drawing,
    blank,
    unless_empty,
)

MOST_RANKS = 20  # drawn


def cmc(name: str, curves: Mapping[str, Any]) -> Drawing:
    """Before and after; the lists start at rank 1."""
    old, new = ((curves.get(key) or [])[:MOST_RANKS] for key in ("cmc_old", "cmc_new"))
    if not unless_empty(old, new):
        return Drawing("Not drawn: it takes two held-out photos, one to enrol and one to search.")
    with blank(left=0.65) as canvas:
        axes = canvas.axes
        for shares, look in (
            (old, {"color": BEFORE, "linestyle": DASHED, "label": "before"}),
            (new, {"color": AFTER, "linestyle": "-", "label": "after"}),
        ):
            ranks = [rank for rank, share in enumerate(shares, start=1) if share is not None]
            known = [100 * share for share in shares if share is not None]
            axes.plot(ranks, known, linewidth=1.8, **look)
            axes.scatter(ranks[:1], known[:1], s=18, color=look["color"], zorder=3)
        ranks_drawn = max(len(old), len(new))
        axes.set(xlim=(0.5, ranks_drawn + 0.5), ylim=(0, 104), xlabel="rank",
                 ylabel="searches that find the subject")  # fmt: skip
        axes.set_yticks([0, 25, 50, 75, 100], ["0%", "25%", "50%", "75%", "100%"])
        axes.set_xticks([rank for rank in (1, 5, 10, 15, 20) if rank <= ranks_drawn])
        axes.grid(axis="y", color="#eceff4", linewidth=0.8)
        axes.set_axisbelow(True)
        canvas.legend()
        return canvas.drawing(name, _words(old, new))


def _words(old: Sequence[float | None], new: Sequence[float | None]) -> str:
    said = []
    for rank in (1, 5, 10):
        if len(old) >= rank and len(new) >= rank:
            before, after = (_percent(shares[rank - 1]) for shares in (old, new))
            where = "first" if rank == 1 else f"among the first {rank}"
            said.append(f"{where} in {before} of the searches before and {after} after")
    return f"Enrolled again, the subject is found {'; '.join(said)}."


def _percent(share: float | None) -> str:
    return "an unknown share" if share is None else f"{share:.0%}"
