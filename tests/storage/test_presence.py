"""Which workers there are, and whether they work."""

from __future__ import annotations

from storage import presence
from storage.record import Record

NAME = "gpu@one"


def busy(record: Record) -> bool:
    (worker,) = presence.known(record.redis)
    return worker.busy


def test_a_worker_whose_child_is_done_is_free_though_it_holds_the_task_a_moment_longer(
    record: Record,
) -> None:
    presence.say(record.redis, NAME, ["gpu"], holds=True)
    assert busy(record)
    presence.say_busy(record.redis, NAME, busy=False)
    presence.say(record.redis, NAME, ["gpu"], holds=True)
    assert not busy(record)


def test_a_worker_whose_child_was_killed_is_free_once_it_holds_no_task(record: Record) -> None:
    presence.say_busy(record.redis, NAME, busy=True)
    presence.say(record.redis, NAME, ["gpu"], holds=True)
    assert busy(record)
    presence.say(record.redis, NAME, ["gpu"], holds=False)
    assert not busy(record)
