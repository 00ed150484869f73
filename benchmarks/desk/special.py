"""Tickets whose pages show most: completed ones, some being unlearned, some tried often."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.load.crowd import model_names, subject
from benchmarks.load.filling import request_of, write_ticket
from benchmarks.load.house import House
from benchmarks.load.waiting import until
from storage.queue import CPU, GPU
from storage.tickets.progress import POINTS, Progress
from storage.tickets.states import State

S = State
_READY = (S.SUBMITTED, S.APPROVED, S.PREPARING, S.QUEUED)
TRIES = 5  # of a run that failed each time
LOOK = 0.1  # seconds between two looks


@dataclass(frozen=True)
class Special:
    completed: Sequence[str]
    unlearning: Sequence[str]
    often_tried: Sequence[str]

    @classmethod
    def make(cls, house: House, count: int) -> Special:
        """
        Raises:
            NothingCame: a ticket did not complete.
        """
        numbers = range(count)
        return cls(
            _completed(house, numbers),
            [_unlearning(house, number) for number in numbers],
            [_often_tried(house, number) for number in numbers],
        )


def _unlearning(house: House, number: int) -> str:
    """With a course of losses as long as it gets."""
    way = (*_READY, S.UNLEARNING)
    ticket = write_ticket(house.record, request_of(model_names(1)[0], number), way)
    rng = np.random.default_rng(number)
    for done in np.linspace(0, 1, POINTS, endpoint=False):
        losses = {name: float(rng.uniform()) for name in ("loss", "forget", "retain", "tmr")}
        shown = Progress(str(S.UNLEARNING), float(done), "step", losses)
        house.record.progress.show(ticket, shown)
    return ticket


def _often_tried(house: House, number: int) -> str:
    way = (*_READY, *(S.UNLEARNING, S.FAILED, S.QUEUED) * TRIES)
    return write_ticket(house.record, request_of(model_names(1)[0], number), way)


def _completed(house: House, numbers: Iterable[int]) -> list[str]:
    """By real workers, with certificate and report; the workers are gone afterwards."""
    workers = [house.start_worker(queue, "benchmarks.load.worker") for queue in (CPU, GPU)]
    tickets = []
    for number in numbers:
        made = subject(number, 6)
        request = request_of(model_names(1)[0], number, len(made))
        tickets.append(house.desk.submit(request, made, "load").id)
        house.desk.approve(tickets[-1], "load")
    until(
        lambda: all(house.record.tickets.load(one).state is S.COMPLETED for one in tickets),
        "the last certificate",
        LOOK,
    )
    for worker in workers:
        worker.stop(30.0)
    return tickets
