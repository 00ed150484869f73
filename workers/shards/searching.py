"""Shards of a 1:N search: some probes in the whole gallery."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from storage.canonical import Document
from storage.record import Record
from workers.certification.search import PROBES_AT_ONCE, Ranges, goes_to_gpu, search
from workers.certification.templates import Scores, Templates
from workers.shards import arrays
from workers.shards.arrays import Arrays
from workers.shards.job import Job, Range

KIND = "search"
INPUTS = ("gallery", "probes", "without")
MOST_SHARDS = 64  # of one search: each worker brings the whole gallery to its GPU for each


def job(model: str, *arrays: str, count: int, most: int) -> Job:
    """``arrays``: digests of ``INPUTS``; ``count`` probes, about ``most`` in a shard."""
    height = -(-max(most, count // MOST_SHARDS) // PROBES_AT_ONCE) * PROBES_AT_ONCE
    inputs: Document = dict(zip(INPUTS, arrays, strict=True))
    starts = range(0, count, height)
    return Job(model, KIND, inputs, tuple((start, min(start + height, count)) for start in starts))


def work(kept: Record, job: Job, probes: Range, go_on: Callable[[], object]) -> Arrays:
    """``scores`` (M,): the best of each probe.

    Cut where an undivided search cuts, too, so that BLAS gives the same to the last digit.

    Raises:
        Corrupt, ObjectMissing, StoreUnavailable
    """
    gallery, among, without = (
        arrays.borrowed(kept, job.model, str(job.inputs[name])) for name in INPUTS
    )
    first, beyond = probes
    at_once = beyond - first if goes_to_gpu((beyond - first) * len(gallery)) else PROBES_AT_ONCE
    found = []
    for start in range(first, beyond, at_once):
        go_on()
        rows = slice(start, min(start + at_once, beyond))
        found.append(_best(gallery, among[rows], without[rows]))
    return {"scores": np.concatenate(found)}


def _best(gallery: Templates, probes: Templates, without: Ranges) -> Scores:
    return search(gallery, np.asarray(probes), without=np.asarray(without)).scores[:, 0]
