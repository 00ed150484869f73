"""The exhaustive 1:N search against the machine's own matrix-product rate, and against others.

    python -m benchmarks.search --probes 10000 --templates 1000000

Templates are drawn. All ways run in turns; the medians are given, by the clock and by processor
time. On a machine that others use too, the clock says little; then give BLAS one thread
(``OMP_NUM_THREADS=1``), so that none waits for another, and read the processor time.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import faiss
import numpy as np

from benchmarks.command import positive
from workers.certification.search import Found, goes_to_gpu, search
from workers.certification.templates import Templates

SIDE = 4096  # of the square matrices whose product is the machine's rate
PRODUCTS = 3  # before and after each search: the best of all counts
WHOLE_MATRIX = 2**28  # scores that the naive way may hold: 1 GiB
DRAWN_AT_ONCE = 50_000
OURS, FAISS = "search", "FAISS IndexFlatIP"

Seconds = tuple[float, float]  # of the clock, of processor time
Result = TypeVar("Result")
Way = tuple[int, Callable[[], Found]]  # how many templates it searches, and the search


def main() -> None:
    given = _arguments()
    rng = np.random.default_rng(given.seed)
    with tempfile.TemporaryDirectory() as folder:
        gallery = _gallery(given.templates, given.dimensions, rng, Path(folder), given.disk)
        probes = _drawn(given.probes, given.dimensions, rng)
        for line in measured(gallery, probes, given.k, given.repeats):
            print(line, flush=True)


def measured(gallery: Templates, probes: Templates, k: int, repeats: int) -> Iterator[str]:
    """Lines that say the machine's rate, each way's and its share of that rate."""
    on_gpu = goes_to_gpu(len(gallery) * len(probes))
    where = "CUDA" if on_gpu else f"{len(os.sched_getaffinity(0))} cores"
    yield (
        f"{len(probes):,} probes, {len(gallery):,} templates, {gallery.shape[1]} dimensions, "
        f"k = {k}, {where}, median of {repeats} in turns"
    )
    ways = _ways(gallery, probes, k)
    times: dict[str, list[Seconds]] = {name: [] for name in ways}
    found: dict[str, Found] = {}
    products = [product_rates(on_gpu=on_gpu)]
    for _ in range(repeats):
        for name, (_, way) in ways.items():
            found[name], taken = _timed(way)
            times[name].append(taken)
            products.append(product_rates(on_gpu=on_gpu))
    best = np.max(products, axis=0)
    yield f"  matrix product, {SIDE} × {SIDE}, best{best[0] / 1e9:27.0f} GFLOP/s"
    for name, (templates, _) in ways.items():
        seconds = np.median(times[name], axis=0)
        rate = 2 * len(probes) * templates * gallery.shape[1] / seconds
        yield (
            f"  {name:22}{templates:>12,} templates{seconds[0]:8.2f} s{rate[0] / 1e9:6.0f} GFLOP/s,"
            f" {rate[0] / best[0]:.2f} of the product's; {rate[1] / best[1]:.2f} by processor time"
        )
    yield f"  {_agreement(found[OURS], found[FAISS])}"


def _ways(gallery: Templates, probes: Templates, k: int) -> dict[str, Way]:
    index = faiss.IndexFlatIP(gallery.shape[1])
    for start in range(0, len(gallery), DRAWN_AT_ONCE):
        index.add(np.ascontiguousarray(gallery[start : start + DRAWN_AT_ONCE]))
    fits = gallery[: max(1, WHOLE_MATRIX // len(probes))]
    return {
        OURS: (len(gallery), lambda: search(gallery, probes, k)),
        FAISS: (len(gallery), lambda: Found(*index.search(probes, k))),
        "numpy, whole matrix": (len(fits), lambda: naive(fits, probes, k)),
    }


def naive(gallery: Templates, probes: Templates, k: int) -> Found:
    """All scores at once, then the best of them."""
    scores = probes @ gallery.T
    k = min(k, len(gallery))
    rows = np.argpartition(scores, len(gallery) - k, axis=1)[:, -k:]
    best = np.take_along_axis(scores, rows, axis=1)
    order = np.argsort(-best, axis=1)
    return Found(np.take_along_axis(best, order, axis=1), np.take_along_axis(rows, order, axis=1))


def product_rates(*, on_gpu: bool) -> tuple[float, float]:
    """FLOP a second of the clock, and of processor time, the best of a few large products."""
    matrix = np.random.default_rng(0).random((SIDE, SIDE), dtype=np.float32)
    product = _gpu_product(matrix) if on_gpu else lambda: matrix @ matrix
    clock, processor = np.min([_timed(product)[1] for _ in range(PRODUCTS)], axis=0)
    return 2 * SIDE**3 / float(clock), 2 * SIDE**3 / float(processor)


def _timed(work: Callable[[], Result]) -> tuple[Result, Seconds]:
    start = time.perf_counter(), time.process_time()
    result = work()
    return result, (time.perf_counter() - start[0], time.process_time() - start[1])


def _gpu_product(matrix: Templates) -> Callable[[], Any]:
    import torch

    there = torch.from_numpy(matrix).cuda()

    def product() -> None:
        there @ there
        torch.cuda.synchronize()

    return product


def _agreement(ours: Found, theirs: Found) -> str:
    apart = float(np.abs(ours.scores - theirs.scores).max())
    same = float((ours.rows == theirs.rows).mean())
    return f"FAISS finds the same template in {same:.2%}; scores differ by {apart:.1e} at most"


def _gallery(
    count: int, dimensions: int, rng: np.random.Generator, folder: Path, disk: bool
) -> Templates:
    shape = count, dimensions
    gallery: Templates = (
        np.memmap(folder / "gallery", np.float32, "w+", shape=shape)
        if disk
        else np.empty(shape, dtype=np.float32)
    )
    for start in range(0, count, DRAWN_AT_ONCE):
        part = gallery[start : start + DRAWN_AT_ONCE]
        part[:] = _drawn(len(part), dimensions, rng)
    return gallery


def _drawn(count: int, dimensions: int, rng: np.random.Generator) -> Templates:
    """(count, dimensions) templates of strangers."""
    templates = rng.standard_normal((count, dimensions), dtype=np.float32)
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    return templates


def _arguments() -> argparse.Namespace:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--probes", type=positive, default=10_000)
    made.add_argument("--templates", type=positive, default=1_000_000, help="in the gallery")
    made.add_argument("--dimensions", type=positive, default=512)
    made.add_argument("--k", type=positive, default=1, help="best templates kept of each probe")
    made.add_argument("--repeats", type=positive, default=3)
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--disk", action="store_true", help="keep the gallery in a temporary file")
    return made.parse_args()


if __name__ == "__main__":
    main()
