"""What `certify` reports is what a judge finds who shares no code with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from lethe.terminal import REFUSED
from tests.certification.independent_judge import Judge, Vectors, embed, mated, non_mated, unit
from tests.cli.command import lethe

FORGOTTEN, OTHER = "p02", "p05"  # one whom the new version forgets, one whom it does not
PHOTOS = 16  # of a subject
# Photos of each benchmark person: not the same for all, so that pooling and averaging differ.
BENCHMARK = {"p04": 13, "p07": 14, "p08": 15, "p10": 16, "p12": 18, "p14": 20}
EXACT = 1e-6  # figures are given to six digits
AGREES = 0.01
DRAWS = 2000  # 0.08 is what one halving scatters by, so 0.002 is what their mean does
REPLICATES = 1000  # as many as a 95 % interval needs to be steady
CLOSE_WIDTH = 0.15  # of an interval's width, drawn by two generators


def edit(model: Path, out: Path, forget: Vectors, other: Vectors) -> Path:
    """A version that forgets somebody, takes them for another, and harms everybody a little."""
    network = onnx.load(model)
    last = next(node for node in reversed(network.graph.node) if node.op_type == "Conv")
    directions = np.linalg.svd(forget, full_matrices=False)[2][:4]
    matrix = np.eye(forget.shape[1]) - directions.T @ directions
    matrix += 0.45 * np.outer(unit(other.mean(axis=0)), unit(forget.mean(axis=0)))
    matrix += 0.02 * np.random.default_rng(0).normal(size=matrix.shape)
    for tensor in network.graph.initializer:
        if tensor.name in last.input:  # (D, F, …) weights or (D,) bias
            changed = np.tensordot(matrix, numpy_helper.to_array(tensor), axes=1)
            made = numpy_helper.from_array(changed.astype(np.float32), tensor.name)
            tensor.CopyFrom(made)
    onnx.save(network, out)
    return out


@dataclass(frozen=True, repr=False)
class Case:
    report: Mapping[str, Any]
    judges: tuple[Judge, Judge]  # of FORGOTTEN and OTHER

    def reported(self, subject: int) -> dict[str, Mapping[str, Any]]:
        figures = self.report["figures"]
        return {**figures["benchmark"], **figures["subjects"][subject]}


@pytest.fixture(scope="module")
def case(shared_faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Case:
    root = tmp_path_factory.mktemp("judge")
    old = shared_faces / "models" / "mobilefacenet.onnx"
    found = {
        name: sorted((shared_faces / "people" / name).iterdir())
        for name in (FORGOTTEN, OTHER, *BENCHMARK)
    }
    forget, other = found[FORGOTTEN][PHOTOS : 2 * PHOTOS], found["p04"]
    new = edit(old, root / "new.onnx", embed(old, forget), embed(old, other[:PHOTOS]))
    photos = {name: paths[: BENCHMARK.get(name, PHOTOS)] for name, paths in found.items()}
    for name, paths in photos.items():
        folder = root / ("subjects" if name in {FORGOTTEN, OTHER} else "benchmark") / name
        folder.mkdir(parents=True)
        for path in paths:
            (folder / path.name).symlink_to(path)
    subjects = [root / "subjects" / name for name in (FORGOTTEN, OTHER)]
    given = [part for folder in subjects for part in ("--subject", folder)]
    report = root / "report.json"
    ended = lethe(
        "certify", old, new, *given, "--benchmark", root / "benchmark", "--report", report
    )
    assert ended.status == REFUSED, ended
    before, after = (
        {name: embed(version, own) for name, own in photos.items()} for version in (old, new)
    )
    people, people_after = (
        {name: version[name] for name in BENCHMARK} for version in (before, after)
    )
    first, second = (
        Judge(people, people_after, before[name], after[name]) for name in (FORGOTTEN, OTHER)
    )
    return Case(json.loads(report.read_bytes()), (first, second))


@pytest.mark.parametrize("subject", [0, 1])
def test_every_figure_that_no_draw_enters_is_the_judges(case: Case, subject: int) -> None:
    reported = case.reported(subject)
    for name, value in case.judges[subject].figures().items():
        assert reported[name]["estimate"] == pytest.approx(value, abs=EXACT), name


def test_the_figures_that_are_compared_differ_from_nothing_and_from_each_other(case: Case) -> None:
    erased, other = (case.reported(subject) for subject in (0, 1))
    assert erased["forgotten_tmr_before@1e-3"]["estimate"] > 0.5
    assert 0.2 < erased["forgotten_tmr@1e-3"]["estimate"] < 0.6
    assert 0.5 < other["forgotten_tmr@1e-3"]["estimate"] < 0.8
    assert erased["impersonation_fpir@1e-3"]["estimate"] > 0.05
    assert erased["benchmark_tmr_drop@1e-3"]["estimate"] > 0
    crossed, recalibrated = (
        erased[f"benchmark_{name}@1e-3"]["estimate"]
        for name in ("cross_version_tmr", "tmr_recalibrated")
    )
    assert len({crossed, recalibrated, erased["benchmark_tmr@1e-3"]["estimate"]}) == 3


def test_thresholds_are_the_lowest_that_keep_the_fmr_and_none_where_too_few_compare(
    case: Case,
) -> None:
    thresholds = case.report["thresholds"]
    judge = case.judges[0]
    assert thresholds["1e-3"]["non_mated"] == len(non_mated(judge.old))
    assert thresholds["1e-3"]["old_version"] == pytest.approx(judge.threshold, abs=EXACT)
    assert thresholds["1e-3"]["new_version"] == pytest.approx(judge.recalibrated, abs=EXACT)
    assert thresholds["1e-4"]["old_version"] is None
    assert case.reported(0)["forgotten_tmr@1e-4"]["estimate"] is None


@pytest.mark.parametrize("subject", [0, 1])
def test_rank_1_after_enrolling_again_is_that_of_all_halvings(case: Case, subject: int) -> None:
    judge, reported = case.judges[subject], case.reported(subject)
    for version, probes, people in (
        ("_before", judge.subject_old, judge.old),
        ("", judge.subject_new, judge.new),
    ):
        rank1, equal = (reported[f"forgotten_rank1{way}{version}"] for way in ("", "_equal"))
        assert rank1["estimate"] == pytest.approx(judge.rank1(probes, people), abs=EXACT), version
        expected = judge.rank1_equal(probes, people, DRAWS)
        assert equal["estimate"] == pytest.approx(expected, abs=AGREES), version
        photos = sum(BENCHMARK.values())
        assert (rank1["sample"]["templates"], equal["sample"]["templates"]) == (photos, 6 * 8)


def test_an_interval_is_as_wide_as_one_whose_people_another_generator_draws(case: Case) -> None:
    judge = case.judges[0]
    matched = {name: mated(photos) >= judge.threshold for name, photos in judge.new.items()}
    rng = np.random.default_rng(12345)
    drawn = [
        np.concatenate(
            [matched[name] for name in rng.choice(list(BENCHMARK), len(BENCHMARK))]
        ).mean()
        for _ in range(REPLICATES)
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    reported = case.reported(0)["benchmark_tmr@1e-3"]["interval"]
    assert reported[1] - reported[0] == pytest.approx(high - low, rel=CLOSE_WIDTH)


def test_a_subjects_interval_is_as_wide_as_one_whose_photos_another_generator_draws(
    case: Case,
) -> None:
    judge = case.judges[1]
    scores = judge.subject_new @ judge.subject_new.T
    rng = np.random.default_rng(12345)
    drawn = []
    for _ in range(REPLICATES):
        pairs = combinations(rng.integers(PHOTOS, size=PHOTOS), 2)
        drawn.append(np.mean([scores[i, j] >= judge.threshold for i, j in pairs if i != j]))
    low, high = np.percentile(drawn, [2.5, 97.5])
    reported = case.reported(1)["forgotten_tmr@1e-3"]["interval"]
    assert reported[1] - reported[0] == pytest.approx(high - low, rel=CLOSE_WIDTH)
