"""The benchmark of scale runs, and docs/scale.md says what its model says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.scale.model import ASSUMED, MONTHLY, PER_RUN, divided_seconds, forecast, report

SCALE = Path(__file__).parents[1] / "docs" / "scale.md"


def test_a_quick_run_divides_among_two_processes_and_prints_a_row_for_each_part() -> None:
    command = [sys.executable, "-m", "benchmarks.scale", "--quick", "--part", "divide"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode == 0, ran.stderr
    lines = [line.split() for line in ran.stdout.splitlines()]
    rows = [line for line in lines if line[:1] in (["embed"], ["search"]) and "of" in line]
    assert [row[:2] for row in rows] == [
        ["embed", "1"],
        ["embed", "2"],
        ["search", "1"],
        ["search", "2"],
    ]
    for part, processes, *_, own, _, shards in rows:
        assert int(own) <= int(shards), part
        assert processes != "1" or own == shards


def test_the_document_shows_the_models_figures() -> None:
    written = SCALE.read_text()
    for line in report():
        assert line in written


@pytest.mark.parametrize("tickets", MONTHLY)
def test_the_models_gpus_are_enough_for_its_hours(tickets: int) -> None:
    found = forecast(tickets, 1_000_000)
    assert 1 <= found.per_run <= PER_RUN
    assert found.gpus * 720 * ASSUMED["busy"].value >= found.hours
    assert (found.gpus - 1) * 720 * ASSUMED["busy"].value < found.hours


def test_embedding_grows_with_the_gallery_and_searching_with_its_square() -> None:
    faces, scores = ASSUMED["faces"].value, ASSUMED["scores"].value
    assert divided_seconds(1_000_000) == pytest.approx(2e6 / faces + 4.2e12 / scores)
