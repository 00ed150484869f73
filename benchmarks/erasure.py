"""What one erasure forgets, keeps and costs on a real recogniser, beside the closed-form rival.

    python -m benchmarks.erasure --model M.onnx --people DIR [--subject NAME …] [--photos 20]

DIR holds one folder of aligned crops per person. For each subject, 20 random photos train and the
others judge; of the other people, every second one is reference, the rest are benchmark, so nobody
is in two roles. Nothing of a subject's unseen photos or of benchmark people reaches either method.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from storage.images import Pixels
from workers.certification import Certification, Policy, Subject, certify
from workers.faces import read_faces
from workers.recognizer import Recognizer
from workers.unlearning import Plan, unlearn

COLUMNS = (
    ("forgotten TMR", "forget_tmr_after"),
    ("cross-version", "cross_version_tmr"),
    ("rank-1 enrolled again", "rank1_after"),
    ("benchmark TMR", "benchmark_tmr_after"),
)


METHODS = ("projection", "dispersion")


def main() -> None:
    options = _options()
    recognizer = Recognizer.load(options.model)
    people = dict(read_faces(options.people, recognizer.input_size).people)
    rows: dict[str, list[list[float]]] = {name: [] for name in METHODS}
    print(f"{'subject':10}{'method':12}" + "".join(f"{title:>23}" for title, _ in COLUMNS), end="")
    print(f"{'seconds':>9}")
    for subject in options.subject or list(people)[:4]:
        for name in METHODS:
            found, seconds = _judge(recognizer, people, subject, options.photos, name)
            _say(subject, name, found, seconds)
            after = [found.headline[key] for _, key in COLUMNS]
            rows[name].append([float("nan") if v is None else v for v in after] + [seconds])
    for name, values in rows.items():
        mean = np.nanmean(values, axis=0)
        print(f"{'mean':10}{name:12}" + "".join(f"{value:23.3f}" for value in mean[:-1]), end="")
        print(f"{mean[-1]:9.1f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of the process {peak:.0f} MiB")


def _judge(
    recognizer: Recognizer,
    people: Mapping[str, Pixels],
    subject: str,
    photos: int,
    method: str,
) -> tuple[Certification, float]:
    forget, held_out = _split(people[subject], photos)
    others = [name for name in people if name != subject]
    reference = {name: people[name] for name in others[::2]}
    benchmark = {name: people[name] for name in others[1::2]}
    start = time.monotonic()
    tensors = unlearn(recognizer, [forget], reference, Plan(method=method)).tensors
    seconds = time.monotonic() - start
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "new.onnx"
        recognizer.write(file, tensors)
        judged = [Subject(subject, forget, held_out)]
        new = Recognizer.load(file)
        return certify(recognizer, new, judged, benchmark, Policy.named("default")), seconds


def _split(crops: Pixels, photos: int) -> tuple[Pixels, Pixels]:
    order = np.random.default_rng(0).permutation(len(crops))
    return crops[order[:photos]], crops[order[photos:]]


def _say(subject: str, method: str, found: Certification, seconds: float) -> None:
    headline = found.headline
    befores = ("forget_tmr_before", "forget_tmr_before", "rank1_before", "benchmark_tmr_before")
    cells = [
        f"{_text(headline[before])} → {_text(headline[after])}"
        for before, (_, after) in zip(befores, COLUMNS, strict=True)
    ]
    print(f"{subject:10}{method:12}" + "".join(f"{cell:>23}" for cell in cells), end="")
    print(f"{seconds:9.1f}", flush=True)


def _text(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--people", type=Path, required=True)
    parser.add_argument("--subject", action="append", default=[])
    parser.add_argument("--photos", type=int, default=20)
    return parser.parse_args()


if __name__ == "__main__":
    main()
