"""How long it takes to train the subject back, beside a fictitious person."""

from __future__ import annotations

from workers.certification.drawings.attacks import Figures
from workers.certification.drawings.canvas import AFTER, INK, Drawing, Look, blank

_STEPS = ("relearning_steps", "relearning_steps_stranger")
_WHO = ("Subject", "Fictitious")
_LOOKS: tuple[Look, Look] = ({"color": AFTER}, {"facecolor": "none", "edgecolor": INK})


def steps(name: str, figures: Figures) -> Drawing:
    """Training steps, from the figures of the attack."""
    found = [figures[figure]["estimate"] for figure in _STEPS if figure in figures]
    known = [value for value in found if value is not None]
    if len(known) < len(_STEPS):
        return Drawing("Not drawn: relearning was not examined.")
    with blank(1.3, left=0.75, right=0.5, top=0.05) as canvas:
        axes = canvas.axes
        for place, (who, value, look) in enumerate(zip(_WHO, known, _LOOKS, strict=True)):
            axes.barh(place, value, height=0.52, linewidth=1.1, **look)
            beside: Look = {"textcoords": "offset points", "va": "center", "fontsize": 9}
            axes.annotate(f"{value:,.4g}", (value, place), (5, 0), **beside)
            axes.annotate(who, (0, place), (-6, 0), ha="right", **beside)
        axes.set(xlim=(0, 1.15 * max(*known, 1)), ylim=(1.6, -0.6), yticks=[])
        axes.set_xlabel("training steps")
        axes.spines[["left"]].set_visible(False)
        return canvas.drawing(
            name,
            f"Relearning takes {known[0]:,.4g} steps for the subject and {known[1]:,.4g} for a "
            f"fictitious person.",
        )
