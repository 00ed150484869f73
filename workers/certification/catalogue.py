"""Every figure of a certification by its name, and what it says. Policies refer to these names."""

from __future__ import annotations

from workers.certification import verification
from workers.certification.attacks import (
    membership,
    pooled,
    probe,
    prototype,
    relearning,
    replay,
    views,
)
from workers.certification.figures import BENCHMARK_FIGURES as KEPT
from workers.certification.figures import SUBJECT_FIGURES as FORGOTTEN

ATTACKS = {
    **prototype.TITLES,
    **pooled.TITLES,
    **probe.TITLES,
    **replay.TITLES,
    **views.TITLES,
    **relearning.TITLES,
    **membership.TITLES,
}
SUBJECT_FIGURES = FORGOTTEN | ATTACKS
BENCHMARK_FIGURES = KEPT | verification.TITLES
FIGURES = SUBJECT_FIGURES | BENCHMARK_FIGURES
