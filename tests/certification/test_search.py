"""The exhaustive search, against sorting every score."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.certification.worlds import unit
from workers.certification import search, search_torch
from workers.certification.search import Found, Ranges
from workers.certification.templates import Templates

WAYS = ("blas", "torch")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (search, search_torch):
        monkeypatch.setattr(module, "PROBES_AT_ONCE", 3)
        monkeypatch.setattr(module, "TEMPLATES_AT_ONCE", 4)


def by(way: str, gallery: Templates, probes: Templates, k: int, out: Ranges | None) -> Found:
    if way == "blas":
        return search.search(gallery, probes, k, out)
    return search_torch.search_torch(gallery, probes, k, out, "cpu")


def brute_force(gallery: Templates, probes: Templates, k: int, out: Ranges | None) -> Found:
    scores = probes @ gallery.T
    for row, (start, stop) in enumerate([] if out is None else out):
        scores[row, start:stop] = -np.inf
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    best = np.take_along_axis(scores, order, axis=1)
    lacking = ((0, 0), (0, k - order.shape[1]))
    best = np.pad(best, lacking, constant_values=-np.inf)
    rows = np.pad(order, lacking, constant_values=-1)
    return Found(best, np.where(best == -np.inf, -1, rows))


def quarters(rng: np.random.Generator, count: int) -> Templates:
    """Templates whose scores are exact whatever the order of adding up, with many ties."""
    return (rng.integers(-1, 2, size=(count, 4)) / 2).astype(np.float32)


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    gallery=st.integers(0, 14),
    probes=st.integers(0, 8),
    k=st.integers(1, 6),
    leave_out=st.booleans(),
)
def test_what_is_found_is_what_sorting_all_scores_finds(
    way: str, seed: int, gallery: int, probes: int, k: int, leave_out: bool
) -> None:
    rng = np.random.default_rng(seed)
    templates, searched = quarters(rng, gallery), quarters(rng, probes)
    out = np.sort(rng.integers(0, gallery + 1, size=(probes, 2)), axis=1) if leave_out else None
    expected = brute_force(templates, searched, k, out)
    found = by(way, templates, searched, k, out)
    np.testing.assert_array_equal(found.scores, expected.scores)
    np.testing.assert_array_equal(found.rows, expected.rows)
    assert (found.scores.dtype, found.rows.dtype) == (np.float32, np.int64)


@pytest.mark.parametrize("way", WAYS)
def test_blocks_of_any_size_find_the_same_in_a_gallery_on_disk(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    drawn = unit(rng.normal(size=(3000, 64))).astype(np.float16)
    probes = unit(rng.normal(size=(50, 64)))
    on_disk = np.memmap(tmp_path / "gallery", np.float16, "w+", shape=drawn.shape)
    on_disk[:] = drawn
    expected = brute_force(drawn.astype(np.float32), probes, 5, None)
    for width, height in ((50, 70), (7, 1024), (60, 10_000)):
        for module in (search, search_torch):
            monkeypatch.setattr(module, "PROBES_AT_ONCE", width)
            monkeypatch.setattr(module, "TEMPLATES_AT_ONCE", height)
        found = by(way, on_disk, probes, 5, None)
        np.testing.assert_array_equal(found.rows, expected.rows)
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-6)


def test_a_large_search_goes_to_the_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(search, "WORTH_A_GPU", 12)
    monkeypatch.setattr(search, "has_gpu", lambda: asked.append(True))
    gallery = quarters(np.random.default_rng(0), 4)
    search.search(gallery, gallery[:2])
    assert not asked
    search.search(gallery, gallery[:3])
    assert asked
