"""Stopping: the child hears at once what its parent is asked, and leaves all that it has."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from storage import keys
from tests.workers.setting import Setting
from tests.workers.short import Watcher
from tests.workers.test_attempts import crash, killed, left  # noqa: F401 - a fixture
from tests.workers.test_sweep import TO_UNLEARNING, put
from tests.workers.workshop import Workshop
from workers import stopping
from workers.attempts import attempt, attempts
from workers.stopping import Stopping, or_let_go


@pytest.fixture(autouse=True)
def _goes_on() -> Iterator[None]:
    yield
    stopping.forget()


class Memory:
    """A place for a checkpoint."""

    def __init__(self) -> None:
        self.data: bytes | None = None

    def load(self) -> bytes | None:
        return self.data

    def save(self, data: bytes) -> None:
        self.data = data


class Asked(Watcher):
    """Goes on only while nobody asked."""

    def __call__(self, step: object) -> None:
        super().__call__(step)  # type: ignore[arg-type]
        stopping.check()


def test_a_forked_child_hears_what_its_parent_is_asked() -> None:
    child = os.fork()
    if not child:
        while not stopping.asked():
            time.sleep(0.01)
        os._exit(7)
    stopping.ask()
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7


def test_a_signal_asks_and_then_does_what_it_did_before() -> None:
    received: list[int] = []
    before = signal.signal(signal.SIGUSR2, lambda number, _: received.append(number))
    try:
        stopping.hear(signal.SIGUSR2)
        os.kill(os.getpid(), signal.SIGUSR2)
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert stopping.asked()
    assert received == [signal.SIGUSR2]


def test_a_child_that_gets_the_signal_itself_does_not_stop_the_others() -> None:
    before = signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    try:
        stopping.hear(signal.SIGUSR2)
        child = os.fork()
        if not child:
            os.kill(os.getpid(), signal.SIGUSR2)
            os._exit(0)
        os.waitpid(child, 0)
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert not stopping.asked()


def test_what_does_not_come_to_a_step_lets_go_and_what_does_is_left_alone() -> None:
    gone = threading.Event()
    with or_let_go(gone.set, patience=0.1):
        stopping.ask()
        assert gone.wait(5.0)
    gone.clear()
    with or_let_go(gone.set, patience=0.5):
        time.sleep(0.3)
    assert not gone.wait(0.6)


@pytest.mark.parametrize("steps", [9, 23])
def test_a_run_that_is_asked_to_stop_writes_a_checkpoint_at_once_and_ends_as_the_unbroken_one(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    place, taken = Memory(), 0
    real = stopping.asked

    def asked() -> bool:  # after each step
        nonlocal taken
        taken += 1
        if taken == steps:
            stopping.ask()
        return real()

    with monkeypatch.context() as patch:
        patch.setattr(stopping, "asked", asked)
        with pytest.raises(Stopping):
            setting.run(watch=Asked(), checkpoints=place)
    assert place.data is not None  # though the last one was due in five seconds
    stopping.forget()
    watcher = Watcher()
    resumed, unbroken = setting.run(watch=watcher, checkpoints=place), setting.run()
    assert watcher.texts[0].startswith("resumed at step ")
    for name, values in unbroken.tensors.items():
        assert np.array_equal(values, resumed.tensors[name])


def test_a_worker_that_is_asked_to_end_has_attempted_nothing(left: Workshop) -> None:  # noqa: F811
    ticket = put(left, *TO_UNLEARNING)
    crash(left, ticket)
    left.record.redis.delete(keys.rest(ticket))
    with attempt(left.record, [ticket]):
        raise Stopping
    assert attempts(left.record, [ticket]) == {ticket: 1}
    assert not left.record.redis.exists(keys.rest(ticket))
    killed(left, ticket)
    assert attempts(left.record, [ticket]) == {ticket: 2}
