"""The retrain reference: our erased model beside one that never saw the subject.

    python -m benchmarks.retrain --out DIR

The demo's network is trained on synthetic people, subjects among them, and again with the same seed
without the subjects. Each subject is then erased from the first one. Non-matchability and removal
of training influence are two claims, and the three models differ in both. Models of other seeds,
without the subjects too, calibrate membership inference. Writes retrain.md (means over the
subjects) and retrain.csv (every subject). Drawn people and trained networks are kept in --cache.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

import lethe.demo
from benchmarks.command import positive, run
from benchmarks.trial import Split, erase
from lethe.demo.network import write_onnx
from lethe.demo.people import TRAINED, UNSEEN
from lethe.demo.train_recogniser import BATCH, PHOTOS, photograph, train
from storage.errors import BadInput
from storage.uploads.images import Pixels
from workers.certification import Policy, Subject, certify
from workers.certification.attacks.membership import TrainingSet
from workers.recognizer import Recognizer
from workers.unlearning import METHODS, Plan

HELD_OUT = 20  # photos of a subject that no training and no erasure sees
OTHERS_PHOTOS = 10  # of each of the people whom no network is trained on
REFERENCE, BENCHMARK, NON_MEMBERS = 60, 60, 100  # how many of those play which part
SHOTS = 5
ATTACKS = frozenset({"prototype", "pooled", "membership"})
WITH, ERASED, RETRAINED = "trained with the subject", "erased from it", "retrained without"
MODELS = (WITH, ERASED, RETRAINED)

Values = dict[str, float | None]  # figure → value; None where it was not measurable
Found = dict[tuple[str, str], Values]  # by subject and model


@dataclass(frozen=True)
class Line:
    name: str  # in the CSV
    title: str  # in the table; "–" in a cell where it was not measurable
    figure: str  # of certification or of an attack


LINES = (
    Line("tmr_own", "TMR of the subject's unseen photos", "forgotten_tmr_recalibrated@1e-3"),
    Line("tmr", "the same at the first model's threshold", "forgotten_tmr@1e-3"),
    Line("benchmark_tmr_own", "TMR of strangers (benchmark)", "benchmark_tmr_recalibrated@1e-3"),
    Line("cross_version", "subject's cross-version TMR", "forgotten_cross_version_tmr@1e-3"),
    Line(
        "benchmark_cross_version",
        "strangers' cross-version TMR",
        "benchmark_cross_version_tmr@1e-3",
    ),
    Line("rank1", "subject enrolled again: rank-1", "forgotten_rank1"),
    Line("tpir", "subject enrolled again: TPIR at FPIR 1e-2", "forgotten_tpir"),
    Line("prototype", f"TMR against a prototype of {SHOTS} photos", f"prototype_tmr_{SHOTS}"),
    Line("pooled_tmr", "TMR of pooled features", "pooled_tmr"),
    Line("compactness", "compactness, 1 is a random mix of people", "forgotten_compactness"),
    Line("membership_auc", "membership AUC of the training photos", "membership_auc"),
    Line("membership_tpr", "membership TPR at FPR 1e-2", "membership_tpr@1e-2"),
    Line(
        "membership_people_above",
        "never-trained people who cluster more than the subject",
        "membership_people_above",
    ),
)


@dataclass(frozen=True)
class Size:
    people: int  # trained on, subjects among them
    subjects: int
    epochs: int
    reference_models: int
    seed: int

    @property
    def trained(self) -> range:
        return TRAINED[: self.people]

    @property
    def trained_without(self) -> range:
        return TRAINED[self.subjects : self.people]

    def check(self) -> None:
        """
        Raises:
            BadInput: more people than there are, or too few for one batch.
        """
        if len(self.trained_without) * PHOTOS < BATCH or self.people > len(TRAINED):
            raise BadInput(
                f"--people {self.people} --subjects {self.subjects}: between "
                f"{BATCH // PHOTOS} and {len(TRAINED)} people are trained on without the "
                "subjects; choose other numbers"
            )


@dataclass(frozen=True, eq=False)
class Cast:
    """Who plays which part; nobody has two, and only the subjects were trained on."""

    subjects: tuple[Subject, ...]  # their forget photos are those that were trained on
    reference: Mapping[str, Pixels]
    benchmark: Mapping[str, Pixels]
    non_members: Mapping[str, Pixels]

    @classmethod
    def of(cls, size: Size, cache: Path) -> Cast:
        seeds = size.trained[: size.subjects]
        subjects = tuple(
            Subject(name, crops[:PHOTOS], crops[PHOTOS:])
            for name, crops in _albums(seeds, PHOTOS + HELD_OUT, cache).items()
        )
        others = _albums(UNSEEN[: REFERENCE + BENCHMARK + NON_MEMBERS], OTHERS_PHOTOS, cache)
        names = list(others)
        bounds = (0, REFERENCE, REFERENCE + BENCHMARK, len(names))
        parts = (
            {name: others[name] for name in names[start:stop]} for start, stop in pairwise(bounds)
        )
        return cls(subjects, *parts)

    def split(self, subject: Subject) -> Split:
        return Split((subject,), self.reference, self.benchmark)


def main() -> None:
    options = _options()
    size = Size(
        options.people, options.subjects, options.epochs, options.reference_models, options.seed
    )
    size.check()
    torch.set_num_threads(options.threads)
    cast = Cast.of(size, options.cache)
    original = network(size, size.trained, size.seed, options.cache)
    retrained = network(size, size.trained_without, size.seed, options.cache)
    training = _training_set(cast, size, options.cache)
    plan = Plan(method=options.method)
    plan = replace(plan, steps=options.steps) if options.steps else plan
    options.out.mkdir(parents=True, exist_ok=True)
    found: Found = {}
    for subject in cast.subjects:
        parts = cast.split(subject)
        with tempfile.TemporaryDirectory() as folder:
            made = erase(original, parts, plan, Path(folder) / "new.onnx", options.cache)
        print(
            f"{subject.reference}: erased in {made.seconds:.0f} s, {made.steps} steps", flush=True
        )
        for name, model in zip(MODELS, (original, made.new, retrained), strict=True):
            figures = measure(original, model, parts, training, size.seed)
            found[subject.reference, name] = figures
    write_csv(options.out / "retrain.csv", found)
    table = markdown(found)
    (options.out / "retrain.md").write_text(_heading(size, plan) + table)
    print(f"{table}\nwritten: {options.out}/retrain.md, retrain.csv")


def _training_set(cast: Cast, size: Size, cache: Path) -> TrainingSet:
    """With models of the seeds that follow, trained without the subjects."""
    others = [
        network(size, size.trained_without, size.seed + number, cache)
        for number in range(1, size.reference_models + 1)
    ]
    members = {subject.reference: subject.forget for subject in cast.subjects}
    return TrainingSet(members, cast.non_members, others)


def network(size: Size, seeds: range, seed: int, cache: Path) -> Recognizer:
    """Trained on these people, the last of ``size.trained``, or found in ``cache``."""
    path = network_file(seeds, size.epochs, seed, cache)
    if not path.exists():
        everybody = photograph(size.trained, PHOTOS, cache, processes=1)
        pictures = everybody[-len(seeds) * PHOTOS :]
        start, deterministic = time.monotonic(), torch.are_deterministic_algorithms_enabled()
        trained = train(pictures, seeds, size.epochs, seed)
        torch.use_deterministic_algorithms(deterministic)
        print(f"people {seeds.start} to {seeds.stop - 1}, seed {seed}: ", end="")
        print(f"trained in {time.monotonic() - start:.0f} s", flush=True)
        write_onnx(trained, path.with_suffix(".part"))
        path.with_suffix(".part").rename(path)
    return Recognizer.load(path)


def network_file(seeds: range, epochs: int, seed: int, cache: Path) -> Path:
    """Named by all that makes the network, the code that draws and trains among it."""
    sources = sorted(Path(lethe.demo.__file__).parent.glob("*.py"))
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    return cache / f"{digest}-{seeds.start}-{seeds.stop}-{epochs}-{seed}.onnx"


def measure(
    original: Recognizer, model: Recognizer, parts: Split, training: TrainingSet, seed: int
) -> Values:
    """One value a line: of ``model`` as the version after ``original``."""
    (subject,) = parts.subjects
    found = certify(
        original,
        model,
        parts.subjects,
        parts.benchmark,
        Policy.named("default"),
        seed=seed,
        training=training,
        attacks=ATTACKS,
    )
    known = {**found.benchmark, **found.subjects[subject.reference]}
    return {line.name: known[line.figure].estimate for line in LINES}


def markdown(found: Found) -> str:
    """One column a model; mean, lowest and highest subject."""
    rows = [["figure", *MODELS]]
    for line in LINES:
        cells = (
            _cell([values[line.name] for (_, name), values in found.items() if name == model])
            for model in MODELS
        )
        rows.append([line.title, *cells])
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "| --- |" + " ---: |" * len(MODELS), *lines[1:]]) + "\n"


def _cell(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    mean = f"{np.mean(known):.3f}"
    spread = f" ({min(known):.2f}–{max(known):.2f})"
    return mean + (spread if max(known) > min(known) else "")


def write_csv(file: Path, found: Found) -> None:
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["subject", "model", *(line.name for line in LINES)])
        for (subject, model), values in found.items():
            cells = (values[line.name] for line in LINES)
            shown = ["" if value is None else f"{value:.6f}" for value in cells]
            writer.writerow([subject, model, *shown])


def _albums(seeds: range, photos: int, cache: Path) -> dict[str, Pixels]:
    pictures = photograph(seeds, photos, cache, processes=1)
    albums = pictures.reshape(len(seeds), photos, *pictures.shape[1:])
    return {f"s{seed:06d}": np.array(album) for seed, album in zip(seeds, albums, strict=True)}


def _heading(size: Size, plan: Plan) -> str:
    return (
        f"The demo's network, trained on {size.people} synthetic people, {PHOTOS} photos each, "
        f"{size.epochs} epochs, seed {size.seed}; {size.subjects} of them are the subjects, each "
        f"erased alone with `{plan.method}` by the photos that were trained on, and judged by "
        f"{HELD_OUT} others; {REFERENCE} reference people, {BENCHMARK} benchmark people and "
        f"{NON_MEMBERS} non-members, whom no network saw; {size.reference_models} reference "
        "model(s) of other seeds without the subjects. Mean over the subjects (lowest–highest); "
        "thresholds at FMR 1e-3, each model's own unless said.\n\n"
    )


def _options() -> argparse.Namespace:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--people", type=positive, default=500, help="trained on (%(default)s)")
    made.add_argument("--subjects", type=positive, default=4, help="among them (%(default)s)")
    made.add_argument("--epochs", type=positive, default=6, help="(%(default)s)")
    made.add_argument("--reference-models", type=positive, default=2, help="(%(default)s)")
    made.add_argument("--method", choices=METHODS, default=Plan().method)
    made.add_argument("--steps", type=positive, help="fewer than a real erasure takes")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--threads", type=positive, default=1, help="of torch (%(default)s)")
    made.add_argument("--cache", type=Path, default=Path("build/retrain"))
    made.add_argument("--out", type=Path, required=True, help="folder for the results")
    return made.parse_args()


if __name__ == "__main__":
    run(main)
