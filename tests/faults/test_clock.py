"""Clocks that step, back and ahead, by hours: Redis's, the worker's and the web process's."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import keys
from storage.leases import LeaseLost
from storage.record import Record
from storage.settings import Settings
from storage.tickets.states import State
from tests.faults.clock import HOUR, Clock
from tests.faults.quick import MODEL, check_completed_once, faces, quick_workshop, unlearner
from tests.faults.redis_server import RedisServer
from tests.faults.web_process import ROOT, Browser, serving
from tests.storage import pictures
from tests.workers.workshop import environment
from workers.erase import erase
from workers.prepare import prepare
from workers.sweep import sweep

SECONDS = 120.0  # far more than a worker takes here
PHOTOS = {photo.name: photo.data for photo in pictures.photos(3)}


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path)


@pytest.fixture
def server(tmp_path: Path, clock: Clock) -> Iterator[RedisServer]:
    """A Redis that goes by the clock."""
    with clock.for_children():
        server = RedisServer(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def kept(settings: Settings, server: RedisServer) -> Record:
    given = {"redis_url": server.url, "lease_seconds": 3}
    return Record.open(settings.model_copy(update=given))


def test_fencing_tokens_rise_whatever_redis_clock_does(kept: Record, clock: Clock) -> None:
    tokens = []
    for step in (0, -HOUR, -5 * HOUR, 2 * HOUR, HOUR, 0):
        clock.step(step)
        with kept.leases.hold("model", MODEL) as lease:
            assert lease is not None
            lease.check()
            tokens.append(lease.token)
    assert tokens == sorted(set(tokens))


def test_a_lease_is_kept_when_redis_clock_steps_back_and_lost_when_it_steps_ahead(
    kept: Record, clock: Clock
) -> None:
    with kept.leases.hold("model", MODEL) as lease:
        assert lease is not None
        clock.step(-HOUR)
        with kept.leases.hold("model", MODEL) as other:
            assert other is None
        time.sleep(1.2)  # a heartbeat
        lease.check()
        clock.step(HOUR)
        with pytest.raises(LeaseLost):
            lease.check()


def test_the_lease_of_a_worker_that_died_ends_in_its_time_although_redis_clock_stepped_back(
    kept: Record, clock: Clock
) -> None:
    place = keys.lease("model", MODEL)
    kept.redis.set(place, "the dead", px=3000)
    clock.step(-HOUR)
    assert kept.leases.held("model", MODEL)
    assert 0 < kept.redis.pttl(place) <= 3000


@pytest.mark.parametrize("step", [-2 * HOUR, 2 * HOUR])
def test_a_ticket_is_completed_once_although_redis_clock_steps_while_it_is_unlearned(
    settings: Settings, server: RedisServer, clock: Clock, tmp_path: Path, step: int
) -> None:
    given = settings.model_copy(update={"redis_url": server.url})
    with quick_workshop(given, tmp_path) as workshop:
        ticket = workshop.approved(faces().subject)
        prepare(ticket)
        sweep()  # marks what it sends
        unlearner().during = lambda: clock.step(step)
        erase(MODEL)
        if step > 0:  # the lease ran out: the worker stopped, and the sweep sends the ticket again
            assert workshop.state(ticket) is State.UNLEARNING
            sweep()
            assert workshop.record.redis.exists(keys.sent("model", MODEL))
            erase(MODEL)
        check_completed_once(workshop, ticket)


def test_a_ticket_is_completed_once_although_its_workers_clock_steps(
    settings: Settings, clock: Clock, tmp_path: Path
) -> None:
    """No store answers a clock that is 15 minutes off; nearer by, the chain of events holds."""
    with quick_workshop(settings, tmp_path) as workshop:
        ticket = workshop.approved(faces().subject)
        done = subprocess.run(
            [sys.executable, "-m", "tests.faults.clocked_worker", str(tmp_path), ticket],
            env={**environment(workshop.settings), **clock.environment, "OMP_NUM_THREADS": "1"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        did = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        assert [entry["error"] for entry in did if "ahead" not in entry["what"]] == ["", "", ""]
        (ahead,) = [entry["error"] for entry in did if "ahead" in entry["what"]]
        assert "refused, for this machine's clock is 120 minutes ahead; set it right" in ahead
        check_completed_once(workshop, ticket)
        times = [event.at for event in workshop.record.tickets.events(ticket)]
        assert times != sorted(times)
        assert workshop.load(ticket).updated_at == times[-1]
        assert workshop.states(ticket).count("publishing") == 1


def test_a_web_process_whose_clock_stepped_back_asks_to_sign_in_again_and_goes_on(
    record: Record, settings: Settings, clock: Clock, tmp_path: Path, publish: object
) -> None:
    """To it the cookies that it gave before are from the future, and none of its own."""
    assert callable(publish)
    publish()
    with serving(settings, tmp_path, clock.environment) as web:
        before = Browser(web, record)
        clock.step(-600)
        assert "/sign-in" in before.get("/tickets/new").url
        after = Browser(web, record)
        assert after.submit(PHOTOS).status_code == 303
        clock.step(600)
        assert after.submit(PHOTOS).status_code == 303
    first, second = sorted(record.tickets.recent(), key=lambda ticket: ticket.submitted_at)
    assert first.submitted_at < second.submitted_at
    assert record.ledger.verify().broken == ()
