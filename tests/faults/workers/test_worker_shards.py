"""A run that is divided among workers: some die, some fail, some come late, one is all alone."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from lethe.stack.process import Process
from storage import object_names
from storage.queue import GPU
from storage.tickets.states import State
from tests.conftest import Servers
from tests.faults.crew import LEASE_SECONDS, Crew, Yard, open_yard, wait_until
from tests.faults.hands import Hand
from tests.faults.proxy import Fault, Rule
from tests.workers.workshop import MODEL
from workers.sweep import sweep

OTHER = "gate"
# Others begin with the first; whoever has the run, with the last.
FIRST_PART, LAST_PART = "/parts/000000.npz", "/parts/000005.npz"
URLLIB_ASKS = 4  # times for one request, before the store counts as away


@pytest.fixture(scope="module")
def yard(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    """84 benchmark faces are six shards of embedding."""
    with open_yard(servers, tmp_path_factory.mktemp("yard"), shard_faces=20) as yard:
        yield yard


def dividing(crew: Crew, rule: Rule) -> tuple[str, Hand]:
    """A hand has the run, a worker waits for shards, and what the rule is for has happened."""
    crew.model(MODEL)
    ticket = crew.queued(MODEL)
    hand = crew.hand("erase", MODEL, LEASE_SECONDS=LEASE_SECONDS)
    wait_until(lambda: rule.hits)
    return ticket, hand


def told(worker: Process, event: str) -> list[dict[str, Any]]:
    """The lines of the worker's log that tell of it."""
    lines = worker.log.read_text(errors="replace").splitlines()
    return [json.loads(line) for line in lines if f'"event": "{event}"' in line]


def test_a_run_whose_worker_is_the_only_one_does_all_shards_itself_and_leaves_nothing(
    crew: Crew, yard: Yard
) -> None:
    """The shards wait in the queue behind the run, and are nobody's when their turn comes."""
    (worker,) = yard.staff(1)
    crew.model(MODEL)
    ticket = crew.queued(MODEL)
    crew.workshop.queue.erase(MODEL)
    crew.complete(ticket)
    crew.check_completed_once(MODEL, ticket)
    made = [(line["kind"], line["shards"], line["own"]) for line in told(worker, "divided")]
    assert made == [("embed", 6, 6)] * 2  # by the old version and by the new
    wait_until(lambda: not crew.workshop.queue.length(GPU))
    assert list(crew.record.objects.names("runs/")) == []


def test_shards_of_a_worker_that_is_killed_in_one_are_done_by_the_others(
    crew: Crew, yard: Yard
) -> None:
    (worker,) = yard.staff(1)
    ticket, hand = dividing(crew, crew.hold("PUT", FIRST_PART))
    os.kill(worker.popen.pid, signal.SIGKILL)
    worker.popen.wait()
    assert hand.end() == 0
    crew.check_completed_once(MODEL, ticket)


def test_a_shard_that_fails_is_tried_again_alone(crew: Crew, yard: Yard) -> None:
    (worker,) = yard.staff(1)
    before = [len(told(worker, event)) for event in ("shard failed", "sharded")]
    rule = crew.proxy.on(Fault.ANSWER_500, "PUT", FIRST_PART, times=URLLIB_ASKS)
    ticket, hand = dividing(crew, rule)
    assert hand.end() == 0
    crew.check_completed_once(MODEL, ticket)
    failed = told(worker, "shard failed")[before[0] :]
    assert [(line["shard"], line["error"]) for line in failed] == [(0, "StoreUnavailable")]
    wait_until(lambda: len(told(worker, "sharded")) > before[1])  # the chord lost no count


def test_a_worker_that_is_asked_to_end_in_mid_shard_gives_it_back(crew: Crew, yard: Yard) -> None:
    """Of the first shard's people nobody else reads a photo."""
    (worker,) = yard.staff(1)
    person = next(iter(crew.record.faces.get("benchmark").people))
    path = f"/facesets/benchmark/{person}/"
    ticket, hand = dividing(crew, crew.proxy.on(Fault.SLOW, "GET", path, times=1, seconds=1.5))
    worker.ask_to_stop()
    assert hand.end() == 0
    crew.check_completed_once(MODEL, ticket)
    stopped = [line for line in told(worker, "stopped") if line["reason"] == "Stopping"]
    assert [line["shard"] for line in stopped] == [0]


def test_a_run_that_is_cancelled_in_mid_shard_leaves_no_shard_and_late_ones_go_with_the_sweep(
    crew: Crew, yard: Yard
) -> None:
    yard.staff(1)
    ticket, hand = dividing(crew, crew.proxy.on(Fault.SLOW, "PUT", FIRST_PART, seconds=1.5))
    crew.record.tickets.move(ticket, State.CANCELLED, "ada")
    assert hand.end() == 0
    wait_until(lambda: not crew.workshop.queue.length(GPU))

    def swept() -> bool:
        sweep()
        return not list(crew.record.objects.names("runs/"))

    wait_until(swept, every=0.2)
    assert crew.record.models.numbers(MODEL) == [1]


def test_a_run_whose_own_worker_is_killed_in_mid_shard_goes_on_with_the_shards_that_are_there(
    crew: Crew, yard: Yard
) -> None:
    yard.staff(1)
    ticket, hand = dividing(crew, crew.hold("PUT", LAST_PART))
    hand.kill()
    (job,) = set(crew.record.objects.folders(object_names.shards(MODEL))) - {"networks"}
    parts = object_names.shard_parts(MODEL, job)
    wait_until(lambda: len(list(crew.record.objects.names(parts))) == 5)
    crew.proxy.clear()
    crew.time_passes(MODEL, ticket)
    again = crew.proxy.on(Fault.SLOW, "PUT", parts, times=100, seconds=0.0)
    assert crew.hand("erase", MODEL).end() == 0
    crew.check_completed_once(MODEL, ticket)
    assert again.hits == 1


def test_two_divided_models_are_erased_side_by_side_by_two_workers(crew: Crew, yard: Yard) -> None:
    yard.staff(2)
    tickets = {model: crew.queued(crew.model(model)) for model in (MODEL, OTHER)}
    for model in tickets:
        crew.workshop.queue.erase(model)
    crew.complete(*tickets.values())
    for model, ticket in tickets.items():
        crew.check_completed_once(model, ticket)
