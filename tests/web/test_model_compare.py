"""Versions side by side and over time: figures, facts, and whom each forgets."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.accounts.users import Role
from storage.models import lineage
from storage.models.registry import Version
from storage.record import Record
from storage.tickets.ticket import Ticket
from tests.web.conftest import MODEL, Visitor, publish
from tests.web.model_line import Line, ticket_of
from web.models import model_plot

Visit = Callable[[Role], Visitor]


@pytest.fixture
def line(record: Record, tmp_path: Path, submitted: Callable[..., Ticket]) -> Line:
    return Line(record, tmp_path, submitted)


def plain(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_two_versions_are_compared_figure_by_figure(
    visit: Visit, model: Version, line: Line
) -> None:
    second = line.forget(model, kept=(0.98, 0.975))
    third = line.forget(second, kept=(0.975, 0.965))
    page = visit(Role.AUDITOR).get(f"/models/{MODEL}/compare?old=2&new=3").text
    text = plain(page)
    assert "everybody else; higher is better 97.5 % 96.5 % -1.0 points worse" in text
    assert f"{second.files['model.onnx']} {third.files['model.onnx']} differs" in text
    assert "Seed 7 7 same" in text
    assert "recognised forgotten 3 4.0 %" in text
    assert f"/tickets/{ticket_of(third)}/certificate" in page
    assert "1 subject forgotten by both" in text


def test_an_import_is_measured_by_the_first_run_after_it(
    visit: Visit, model: Version, line: Line
) -> None:
    line.forget(model, kept=(0.98, 0.97))
    text = plain(visit(Role.AUDITOR).get(f"/models/{MODEL}/compare").text)
    assert "Version 1 and version 2" in text
    assert "98.0 % 97.0 % -1.0 points worse" in text


@pytest.mark.parametrize("query", ["old=9", "new=x", "old=1&new=-1", "old=" + "9" * 400])
def test_a_version_that_is_not_there_is_a_page_that_is_not_there(
    visit: Visit, model: Version, query: str
) -> None:
    answer = visit(Role.AUDITOR).get(f"/models/{model.model}/compare?{query}")
    assert answer.status_code == 404


def test_the_course_shows_people_forgotten_and_the_share_that_was_kept(
    visit: Visit, record: Record, model: Version, line: Line
) -> None:
    line.forget(line.forget(model, kept=(0.98, 0.97)), kept=(0.97, 0.96))
    points = model_plot.points(lineage.read(record, MODEL))
    # Two tickets, and one person: the same subject was submitted twice.
    assert [(point.number, point.forgotten) for point in points] == [(1, 0), (2, 1), (3, 1)]
    assert [point.kept for point in points] == pytest.approx([1.0, 0.97 / 0.98, 0.96 / 0.98])
    page = visit(Role.REQUESTER).get(f"/models/{MODEL}").text
    assert 'role="img" aria-label="People forgotten so far' in page
    assert "3 1 96.0 % 98.0 %" in plain(page)


def test_after_a_rollback_a_version_hangs_on_the_older_one_and_forgets_less(
    record: Record, model: Version, line: Line
) -> None:
    second = line.forget(model)
    third = line.forget(model)
    found = lineage.read(record, MODEL)
    assert found.back(3) == [3, 1]
    assert found.recognised_again(3, 2) == [ticket_of(second)]
    assert found.recognised_again(2, 3) == [ticket_of(third)]


def test_a_long_line_is_shown_twenty_versions_a_page(
    visit: Visit, record: Record, model: Version, tmp_path: Path
) -> None:
    parent = model
    for number in range(2, 25):
        parent = publish(record, tmp_path, str(number).encode(), parent=parent)
    audrey = visit(Role.AUDITOR)
    first = audrey.get(f"/models/{MODEL}").text
    assert [int(n) for n in re.findall(r'id="version-(\d+)"', first)] == list(range(24, 4, -1))
    last = audrey.get(f"/models/{MODEL}?before=5").text
    assert [int(n) for n in re.findall(r'id="version-(\d+)"', last)] == [4, 3, 2, 1]
    assert "Older versions" not in last


def test_of_a_line_that_redis_forgot_a_page_reads_no_more_than_it_is_allowed(
    record: Record, model: Version, tmp_path: Path
) -> None:
    parent = model
    for number in range(2, 9):
        parent = publish(record, tmp_path, str(number).encode(), parent=parent)
    found = lineage.read(record, MODEL, lambda numbers: numbers[:1], most=3)
    assert sorted(found.versions) == [1, 6, 7, 8]
    assert not found.whole
    assert not found.torn(6)
    assert sorted(lineage.read(record, MODEL, most=3).versions) == [1, 3, 4, 5, 6, 7, 8]
