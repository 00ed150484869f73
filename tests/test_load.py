"""The benchmark of load runs, on a few tickets, and what it is made of does what it must."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.load.crowd import REFERENCE, photos, subject, write_recognizer
from benchmarks.load.filling import WAYS, fill
from benchmarks.load.memory import POLICY, Sample, _slope
from benchmarks.load.submissions import AIM
from storage.record import Record
from storage.tickets import strays
from tests.workers.cast import crops
from workers.certification import Policy
from workers.faces import Faces
from workers.gauge import Gauge
from workers.photos import sort_photos
from workers.recognizer import Recognizer


def test_a_quick_run_prints_the_machine_and_a_row_for_each_measurement() -> None:
    command = [sys.executable, "-m", "benchmarks.load", "--quick", "--part", "submissions", "pages"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 0, ran.stderr
    printed = ran.stdout
    assert " cores, " in printed
    assert "Redis" in printed
    rows = {line.split("  ")[0] for line in printed.splitlines()}
    pages = {"desk", "list, first page", "list of models", "metrics"}
    assert rows >= pages | {"sweep, nothing to send", "sweep, all to be sent"}
    (submitted,) = [line.split() for line in printed.splitlines() if line.split()[:1] == ["1"]]
    assert float(submitted[1]) > 0
    assert 0 < float(submitted[2]) <= float(submitted[3]) < 100 * AIM


def test_the_trivial_recogniser_tells_its_people_apart(tmp_path: Path) -> None:
    recognizer = Recognizer.load(write_recognizer(tmp_path / "trivial.onnx"))
    people = {f"p{person}": crops(photos(person, 10)) for person in range(REFERENCE)}
    gauge = Gauge.from_faces(recognizer, Faces("reference", "digest", people))
    for number in range(20):
        found = sort_photos(subject(number, 6), recognizer, gauge)
        assert len(found.crops) == 6
        assert not found.refused


def test_its_policy_passes_whatever_the_figures_are() -> None:
    (rule,) = Policy.read(POLICY).rules
    assert (rule.comparison, rule.threshold, dict(rule.minimum)) == ("at_most", 1.0, {})


def test_what_fills_the_record_is_what_the_desk_would_have_left(record: Record) -> None:
    ids = fill(record, ["gate"], 0, len(WAYS))
    for ticket, way in zip(ids, WAYS, strict=True):
        loaded = record.tickets.load(ticket)
        assert (loaded.state, loaded.events) == (way[-1], len(way))
        assert record.tickets.index.get(ticket) == loaded
    assert strays.refresh(record) == []


@pytest.mark.parametrize(("growth", "slope"), [(0.0, 0.0), (0.5, 50.0)])
def test_the_slope_is_that_of_the_last_half(growth: float, slope: float) -> None:
    sizes = [100.0, 300.0, 350.0] + [400 + growth * step for step in range(4)]
    samples = [Sample(step, {"web": size}) for step, size in enumerate(sizes)]
    assert np.isclose(_slope(samples, "web"), slope)
