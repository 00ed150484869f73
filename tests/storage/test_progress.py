"""Progress: what is shown, its course, and how long stages take."""

import pytest

from storage.names import new_ticket_id
from storage.record import Record
from storage.tickets import progress
from storage.tickets.progress import Progress

STAGE = "unlearning"


def show(record: Record, ticket: str, *fractions: float) -> None:
    for fraction in fractions:
        record.progress.show(ticket, Progress(STAGE, fraction, "", {"loss": 1 - fraction}))


def course(record: Record, ticket: str, until: float = 1.0) -> list[float]:
    return [point.fraction for point in record.progress.points(ticket, STAGE, until)]


def test_figures_on_the_way_are_kept_in_order_with_what_they_were(record: Record) -> None:
    ticket = new_ticket_id()
    show(record, ticket, 0.1, 0.2, 0.3)
    record.progress.show(ticket, Progress(STAGE, 0.35, "words alone"))
    assert course(record, ticket) == [0.1, 0.2, 0.3]
    last = record.progress.points(ticket, STAGE)[-1]
    assert last.figures == {"loss": 0.7}
    shown = record.progress.read(ticket)
    assert shown is not None
    assert shown.text == "words alone"
    assert shown.at >= last.at > 0


def test_a_run_that_is_rolled_back_loses_what_it_takes_back(record: Record) -> None:
    ticket = new_ticket_id()
    show(record, ticket, 0.1, 0.2, 0.3, 0.4, 0.2)
    assert course(record, ticket) == [0.1, 0.2]


def test_a_run_that_is_resumed_keeps_its_course_and_shows_none_of_it_before_it_is_there_again(
    record: Record,
) -> None:
    ticket = new_ticket_id()
    show(record, ticket, 0.3, 0.5)
    assert course(record, ticket, until=0.1) == []
    show(record, ticket, 0.6)
    assert course(record, ticket) == [0.3, 0.5, 0.6]


def test_no_course_grows_for_ever_and_redis_forgets_it(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "POINTS", 3)
    ticket = new_ticket_id()
    show(record, ticket, 0.1, 0.2, 0.3, 0.4, 0.5)
    assert course(record, ticket) == [0.3, 0.4, 0.5]
    for key in record.redis.scan_iter("lethe:progress:*"):
        assert 0 < record.redis.ttl(key) <= progress.KEEP_SECONDS
    record.progress.clear(ticket)
    assert list(record.redis.scan_iter("lethe:progress:*")) == []


def test_a_stage_takes_what_the_middle_one_of_its_last_runs_took(record: Record) -> None:
    board = record.progress
    assert board.usual("door", [STAGE]) == {}
    for seconds in (500, 10, 20, 30, 40, 1000):
        board.took("door", STAGE, seconds)
    assert board.usual("door", [STAGE, "certifying"]) == {STAGE: 30}
    assert board.usual("gate", [STAGE]) == {}


def test_only_a_stage_that_ends_well_is_remembered(record: Record) -> None:
    with pytest.raises(RuntimeError), record.progress.timed("door", STAGE):
        raise RuntimeError
    assert record.progress.usual("door", [STAGE]) == {}
    with record.progress.timed("door", STAGE):
        pass
    assert record.progress.usual("door", [STAGE])[STAGE] < 1
