"""A judge of certificates who shares no code with them.

Pictures are read with OpenCV and embedded by InsightFace, and every figure follows its definition
(ISO/IEC 19795-1, NIST FRTE) comparison by comparison, in float64.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, permutations, product
from math import comb, floor
from pathlib import Path
from typing import Any

import cv2
import insightface
import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float64]
Scores = Vectors


@dataclass(frozen=True, repr=False)  # a failed test prints nobody's templates
class Judge:
    """Unit templates of one subject and of the benchmark people, by both versions."""

    old: Mapping[str, Vectors]
    new: Mapping[str, Vectors]
    subject_old: Vectors
    subject_new: Vectors

    @cached_property
    def threshold(self) -> float:
        return lowest_threshold(non_mated(self.old))

    @cached_property
    def recalibrated(self) -> float:
        return lowest_threshold(non_mated(self.new))

    def figures(self) -> dict[str, float]:
        """Those that no random draw enters, by the certificate's names."""
        t, own = self.threshold, self.recalibrated
        before = rate(pooled(mated, self.old), t)
        after = {
            "tmr": rate(pooled(mated, self.new), t),
            "tmr_recalibrated": rate(pooled(mated, self.new), own),
            "cross_version_tmr": rate(pooled(across, self.new, self.old), t),
        }
        found = {f"benchmark_{name}@1e-3": value for name, value in after.items()}
        found |= {f"benchmark_{name}_drop@1e-3": before - value for name, value in after.items()}
        rank1 = [own_first(people) for people in (self.old, self.new)]
        return (
            found
            | {
                "benchmark_tmr_before@1e-3": before,
                "benchmark_fmr@1e-3": rate(non_mated(self.new), t),
                "benchmark_rank1_before": rank1[0],
                "benchmark_rank1": rank1[1],
                "benchmark_rank1_drop": rank1[0] - rank1[1],
                "forgotten_tmr_before@1e-3": rate(mated(self.subject_old), t),
                "forgotten_tmr@1e-3": rate(mated(self.subject_new), t),
                "forgotten_tmr_recalibrated@1e-3": rate(mated(self.subject_new), own),
                "forgotten_cross_version_tmr@1e-3": rate(
                    across(self.subject_new, self.subject_old), t
                ),
                "forgotten_same_photo_tmr@1e-3": rate(
                    np.sum(self.subject_new * self.subject_old, axis=1), t
                ),
                "forgotten_mated_mean_before": float(mated(self.subject_old).mean()),
                "forgotten_mated_mean": float(mated(self.subject_new).mean()),
                "benchmark_non_mated_mean_before": float(non_mated(self.old).mean()),
                "benchmark_non_mated_mean": float(non_mated(self.new).mean()),
                "forgotten_compactness_before": compactness(self.subject_old, self.old),
                "forgotten_compactness": compactness(self.subject_new, self.new),
                "neighbours_tmr_drop@1e-3": self.neighbours_drop(),
            }
            | self.impersonation()
        )

    def impersonation(self) -> dict[str, float]:
        t, (old, new) = self.threshold, (self.subject_old, self.subject_new)
        nominal = [
            best(photo, {name: self.old[name] for name in self.old if name != person})
            for person, photos in self.old.items()
            for photo in photos
        ]
        found = {
            "fpir": rate([best(probe, self.new) for probe in new], t),
            "fpir_before": rate([best(probe, self.old) for probe in old], t),
            "cross_version_fpir": rate([best(probe, self.old) for probe in new], t),
            "nominal_fpir": rate(nominal, t),
        }
        allowed = max(found["nominal_fpir"], found["fpir_before"])
        found["excess"] = found["fpir"] - allowed
        found["cross_version_excess"] = found["cross_version_fpir"] - allowed
        return {f"impersonation_{name}@1e-3": value for name, value in found.items()}

    def neighbours_drop(self) -> float:
        own = unit(self.subject_old.mean(axis=0))
        likeness = {name: float(unit(rows.mean(axis=0)) @ own) for name, rows in self.old.items()}
        nearest = sorted(likeness, key=lambda name: -likeness[name])[:3]
        before, after = (
            pooled(mated, {name: people[name] for name in nearest})
            for people in (self.old, self.new)
        )
        return rate(before, self.threshold) - rate(after, self.threshold)

    def rank1(self, probes: Vectors, people: Mapping[str, Vectors]) -> float:
        """Enrolled with one half of the photos, searched with the other: over all halvings.

        A probe is found if one of its ``better`` photos, those nearer than everybody else, is
        among the enrolled ones. How many halvings enrol none of them needs no drawing.
        """
        photos = len(probes)
        found = []
        for row, probe in enumerate(probes):
            others = np.delete(probes, row, axis=0)
            better = int((others @ probe >= best(probe, people)).sum())
            found.append(1 - comb(photos - 1 - better, photos // 2) / comb(photos - 1, photos // 2))
        return float(np.mean(found))

    def rank1_equal(self, probes: Vectors, people: Mapping[str, Vectors], draws: int) -> float:
        """The same, as many photos of everybody else enrolled: by drawing, of an even number."""
        rng, half = np.random.default_rng(2718), len(probes) // 2
        found = []
        for _ in range(draws):
            order = rng.permutation(len(probes))
            others = [rows[rng.permutation(len(rows))[:half]] for rows in people.values()]
            nearest = (np.concatenate(others) @ probes[order[half:]].T).max(axis=0)
            own = (probes[order[:half]] @ probes[order[half:]].T).max(axis=0)
            found.append(np.mean(own >= nearest))
        return float(np.mean(found))


def unit(rows: Vectors) -> Vectors:
    found: Vectors = rows / np.linalg.norm(rows, axis=-1, keepdims=True)
    return found


def mated(photos: Vectors) -> Scores:
    return np.array([a @ b for a, b in combinations(photos, 2)])


def across(probes: Vectors, gallery: Vectors) -> Scores:
    """Probes of one version against the other version's templates of *other* photos."""
    return np.array([probes[i] @ gallery[j] for i, j in permutations(range(len(probes)), 2)])


def pooled(scores: Callable[..., Scores], *people: Mapping[str, Vectors]) -> Scores:
    """All comparisons of all people together, as ISO/IEC 19795-1 counts them."""
    return np.concatenate([scores(*(version[name] for version in people)) for name in people[0]])


def non_mated(people: Mapping[str, Vectors]) -> Scores:
    pairs = combinations(people.values(), 2)
    return np.array([a @ b for one, other in pairs for a, b in product(one, other)])


def lowest_threshold(scores: Scores, fmr: float = 1e-3) -> float:
    """Just above the highest score that may not match if at most ``fmr`` of them may."""
    allowed = floor(fmr * len(scores))
    return float(np.sort(scores)[::-1][allowed]) + 1e-7  # float32 templates differ by less


def rate(scores: Any, threshold: float) -> float:
    return float(np.mean(np.asarray(scores) >= threshold))


def best(probe: Vectors, people: Mapping[str, Vectors]) -> float:
    return max(float((rows @ probe).max()) for rows in people.values())


def own_first(people: Mapping[str, Vectors]) -> float:
    """Photos whose nearest other photo is of the same person."""
    found = []
    for person, photos in people.items():
        others = {name: rows for name, rows in people.items() if name != person}
        for row, photo in enumerate(photos):
            own = (np.delete(photos, row, axis=0) @ photo).max()
            found.append(own > best(photo, others))
    return float(np.mean(found))


def compactness(photos: Vectors, people: Mapping[str, Vectors]) -> float:
    """Length of the mean of 20 of these photos over that of 20 people's, root mean square."""
    lengths = [1 + 19 * scores.mean() for scores in (mated(photos), non_mated(people))]
    return float((max(lengths[0], 0.0) / lengths[1]) ** 0.5)


def embed(model: Path, photos: Sequence[Path]) -> Vectors:
    with contextlib.redirect_stdout(io.StringIO()):  # it prints its providers
        network = insightface.model_zoo.get_model(str(model), providers=["CPUExecutionProvider"])
    pictures = [cv2.imread(str(photo), cv2.IMREAD_COLOR) for photo in photos]
    blocks = [network.get_feat(pictures[at : at + 16]) for at in range(0, len(pictures), 16)]
    return unit(np.concatenate(blocks).astype(np.float64))
