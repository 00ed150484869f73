"""Old-template replay: what are templates worth that were kept or stolen before the erasure?

A stored template is presented to the matcher in place of a face: attack point 4 of Ratha, Connell
and Bolle 2001 (IBM Systems Journal 40(3), 614-634), which ISO/IEC 24745 counts among those that
renewable references must stand. Two hold old templates:

1. a thief presents one to the new gallery, where the subject is enrolled by the new version;
2. an operator who did not re-embed keeps a gallery of them, as backward-compatible training
   (Shen et al. 2020, arXiv 2003.11942) allows; a new photo of the subject is searched there.

The threshold is the one in use with the gallery: of searches by the gallery's own version. No photo
is compared with its own template by either version. Forget photos are never embedded by the new
version for it, which was trained to scatter them; their old templates are what is kept.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workers.certification.evidence import SubjectTemplates
from workers.certification.figures import Figure, missing, proportion
from workers.certification.intervals import Floats, ratio_replicates
from workers.certification.retained import Benchmark
from workers.certification.searches import best_scores, non_mated_searches
from workers.certification.templates import People, Scores, Templates
from workers.certification.thresholds import at_fpir

TITLES = {
    "replay_rank1": "replays of an old template that find the subject first in the new gallery",
    "replay_rank1_before": "the same in the old gallery",
    "replay_tpir": "TPIR at FPIR 1e-2 of old templates in the new gallery",
    "replay_tpir_before": "the same in the old gallery",
    "replay_old_gallery_rank1": "new photos that find the subject first in the old gallery",
    "replay_old_gallery_rank1_before": "the same, photos embedded by the old version",
    "replay_old_gallery_tpir": "TPIR at FPIR 1e-2 of new photos in the old gallery",
    "replay_old_gallery_tpir_before": "the same, photos embedded by the old version",
}


def figures(subject: SubjectTemplates, benchmark: Benchmark) -> dict[str, Figure]:
    """All of ``TITLES``."""
    old, new = benchmark.old, benchmark.new
    held_out, stolen = subject.held_out, subject.photos.old
    searches_old, searches_new = benchmark.old_searches, non_mated_searches(new, new)
    seed = benchmark.seed
    attacks = {  # probes, the subject's enrolled templates, everybody else's, their searches
        ("replay", ""): (stolen, held_out.new, new, searches_new),
        ("replay", "_before"): (stolen, held_out.old, old, searches_old),
        ("replay_old_gallery", ""): (held_out.new, stolen, old, searches_old),
        ("replay_old_gallery", "_before"): (held_out.old, stolen, old, searches_old),
    }
    found: dict[str, Figure] = {}
    for (attack, version), (probes, enrolled, others, searches) in attacks.items():
        rank1, tpir = _searched(probes, enrolled, others, searches, seed)
        found[f"{attack}_rank1{version}"] = rank1
        found[f"{attack}_tpir{version}"] = tpir
    return found


def _searched(
    probes: Templates, enrolled: Templates, others: People, searches: Scores, seed: int
) -> tuple[Figure, Figure]:
    """Rank-1 and TPIR; row i of ``probes`` and of ``enrolled`` is the same photo.

    As in ``reenrolment.reenrol``: a tie for the first place counts as found, and the threshold is
    set on everybody else's searches, with the subject enrolled.
    """
    own = probes @ enrolled.T
    np.fill_diagonal(own, -np.inf)
    best = own.max(axis=1)
    able = np.isfinite(best)  # not a lone held-out photo: its own template is all that is enrolled
    first = best >= best_scores(others.templates, probes)
    threshold = at_fpir(np.maximum(searches, best_scores(enrolled, others.templates)))
    searched = int(able.sum())
    sample = {"photos": searched, "searches": searched, "people": len(others)}
    rank1 = _share(first[able], sample, seed)
    if threshold.value is None:
        return rank1, missing(f"no threshold: {threshold.reason}", **sample)
    return rank1, _share((first & (best >= threshold.value))[able], sample, seed)


def _share(found: NDArray[np.bool_], sample: dict[str, int], seed: int) -> Figure:
    """Of the subject's probes; photos are resampled."""
    hits: Floats = found.astype(float)
    replicates = ratio_replicates(hits, np.ones(len(hits)), seed)
    return proportion(hits.mean(), replicates, len(hits), sample)
