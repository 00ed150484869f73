"""The drawings of a report: what they show, and when there is nothing to show."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from tests.certification.report_pages import BINS, attacked, drawn
from workers import certification
from workers.certification.drawings import (
    ATTACKS,
    cmc,
    cross_version,
    det,
    everybody,
    heat_maps,
    rates,
    steps,
    subject,
)


def test_matplotlib_is_imported_by_the_first_drawing_and_no_sooner() -> None:
    for file in Path(certification.__file__).parent.rglob("*.py"):
        for statement in ast.parse(file.read_text()).body:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                assert "matplotlib" not in ast.unparse(statement), file


EMPTY_DET = {"fmr": [], "fnmr_old": [], "fnmr_new": []}
ONE_POINT = {"fmr": [1.0], "fnmr_old": [0.1], "fnmr_new": [None]}
UNMEASURED = [
    ("subject", "mated_old", [], "subject-1-scores-before"),
    ("subject", "mated_new", [0.0] * 40, "subject-1-scores-after"),
    ("subject", "mated_new", [None] * 40, "subject-1-scores-after"),
    ("subject", "cross_version", [], "subject-1-old-gallery"),
    ("subject", "similarity_old", [], "subject-1-similarity-before"),
    ("subject", "similarity_new", [[]], "subject-1-similarity-after"),
    ("subject", "similarity_new", [[1.0]], "subject-1-similarity-after"),
    ("subject", "similarity_new", [[1.0, None], [None, 1.0]], "subject-1-similarity-after"),
    ("subject", "cmc_new", [], "subject-1-cmc"),
    ("subject", "cmc_old", [None, None], "subject-1-cmc"),
    ("benchmark", "det", EMPTY_DET, "det"),
    ("benchmark", "det", ONE_POINT, "det"),
    ("benchmark", "mated_old", [], "everybody"),
]


@pytest.mark.parametrize(("of", "key", "nothing", "drawing"), UNMEASURED)
def test_where_nothing_was_measured_there_are_words_and_no_drawing(
    of: str, key: str, nothing: Any, drawing: str
) -> None:
    only = {"benchmark": {"bins": BINS}, "subject": {"bins": BINS}}
    only[of][key] = nothing
    found = {
        "subject-1-scores-before": subject("s", only["subject"], only["benchmark"], 0.3)[0],
        "subject-1-scores-after": subject("s", only["subject"], only["benchmark"], 0.3)[1],
        "subject-1-old-gallery": cross_version("s", only["subject"], only["benchmark"], 0.3),
        "subject-1-similarity-before": heat_maps("s", only["subject"])[0],
        "subject-1-similarity-after": heat_maps("s", only["subject"])[1],
        "subject-1-cmc": cmc("s", only["subject"]),
        "det": det("det", only["benchmark"]),
        "everybody": everybody("s", only["benchmark"], 0.3),
    }[drawing]
    assert found.svg is None
    assert found.words.startswith("Not drawn: ")


def test_points_that_were_not_measured_are_left_out_of_a_curve() -> None:
    curves = drawn()["benchmark"]
    curves["det"]["fnmr_new"][1] = None
    assert det("det", curves).svg != det("det", drawn()["benchmark"]).svg


def test_the_darkest_cells_are_the_most_similar() -> None:
    def fills(similarity: float) -> list[str]:
        rows = [[1.0, similarity], [similarity, 1.0]]
        _, after = heat_maps("m", {"similarity_new": rows})
        return re.findall(r'<path d="[^"]*" style="fill: (#\w{6}); stroke', str(after.svg))[:2]

    assert fills(-0.3) == fills(0.0) == ["#f4f6fb", "#141f57"]
    grey = [sum(bytes.fromhex(fills(level)[0][1:])) for level in (0.0, 0.25, 0.5, 0.75, 0.94)]
    assert grey == sorted(grey, reverse=True)
    assert len(set(grey)) == 5


def test_before_and_after_differ_in_more_than_colour() -> None:
    curve = str(det("det", drawn()["benchmark"]).svg)
    lines = re.findall(r'style="fill: none; stroke[^"]*"', curve)
    assert [line for line in lines if "#8a93a5" in line and "stroke-dasharray" in line]
    assert [line for line in lines if "#3452cc" in line and "stroke-dasharray" not in line]
    dots = str(rates("attacks", ATTACKS, attacked()).svg)
    assert re.search(r"fill: #ffffff; stroke: #8a93a5", dots)
    assert re.search(r"fill: #3452cc; stroke: #ffffff", dots)


def test_without_a_threshold_the_histogram_has_no_line_and_says_none() -> None:
    curves = drawn()
    with_line, _ = subject("s", curves["subject"], curves["benchmark"], 0.3)
    without, _ = subject("s", curves["subject"], curves["benchmark"], None)
    assert "The threshold is 0.300" in with_line.words
    assert "threshold" not in without.words
    assert "match from 0.30" in str(with_line.svg)
    assert "match from" not in str(without.svg)


def test_relearning_is_drawn_only_beside_its_reference() -> None:
    figures = attacked()
    assert steps("r", figures).svg
    del figures["relearning_steps_stranger"]
    assert steps("r", figures).svg is None
