"""A crew: workers as processes that are killed, paused and asked to end, over real servers."""

from __future__ import annotations

import base64
import json
import os
import secrets
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from lethe.stack.process import Process
from storage import keys
from storage.canonical import sha256
from storage.certificates.issued import write_new_key
from storage.presence import BUSY
from storage.queue import CPU, GPU
from storage.record import Record
from storage.settings import Settings
from storage.tickets.photos import Selection
from storage.tickets.request import LegalGround, Request
from storage.tickets.states import State
from tests.conftest import Servers
from tests.faults.hands import SECONDS, Hand
from tests.faults.proxy import Fault, Proxy, Rule
from tests.faults.quick import POLICY, faces
from tests.faults.redis_server import RedisServer
from tests.faults.shortest import SHORTER
from tests.workers.cast import RECOGNISER, pixels
from tests.workers.lines import add_line, settings_of
from tests.workers.workshop import Workshop, environment, opened
from workers.attempts import attempts
from workers.sweep import sweep

ROOT = str(Path(__file__).parents[2])
LEASE_SECONDS = 3  # of workers that are killed: so long it takes until another goes on
HELD = 60.0  # seconds that a request is held at a boundary: until its worker is killed
PLACES = ("tickets/", "models/", "certificates/", "runs/")
TO_QUEUED = (State.APPROVED, State.PREPARING, State.QUEUED)


def wait_until(met: Callable[[], object], seconds: float = SECONDS, every: float = 0.01) -> float:
    """Seconds that it took."""
    start = time.monotonic()
    while not met():
        assert time.monotonic() - start < seconds, f"not within {seconds:.0f} s"
        time.sleep(every)
    return time.monotonic() - start


@dataclass
class Crew:
    """The tasks of this process see what really is there; the others' store may be faulty."""

    workshop: Workshop
    proxy: Proxy
    folder: Path
    hands: list[Hand] = field(default_factory=list)

    @property
    def record(self) -> Record:
        return self.workshop.record

    def model(self, name: str) -> str:
        add_line(self.record, name, RECOGNISER)
        return name

    def submitted(self, model: str) -> str:
        photos, until = faces().subject, date(2030, 1, 31)
        request = Request(model, "DSR-2026-0142", LegalGround.CONSENT_WITHDRAWN, until, len(photos))
        return self.workshop.desk.submit(request, photos, "ada").id

    def approved(self, model: str) -> str:
        """Nobody was told of it but the record."""
        ticket = self.submitted(model)
        self.record.tickets.move(ticket, State.APPROVED, "grace")
        return ticket

    def queued(self, model: str) -> str:
        """As preparation leaves it. The photos are crops already."""
        ticket, photos = self.submitted(model), self.record.photos
        crops = [pixels(photo.data) for photo in faces().subject]
        digests = [photos.keep_crop(ticket, np.ascontiguousarray(crop)) for crop in crops]
        photos.keep_selection(ticket, Selection(tuple(digests[:4]), tuple(digests[4:]), ()))
        for state in TO_QUEUED:
            self.record.tickets.move(ticket, state, "worker")
        return ticket

    def environment(self, **more: object) -> dict[str, str]:
        """Of a worker whose store answers through the proxy."""
        given = faulty(self.workshop.settings, self.proxy)
        return given | {f"LETHE_{name}": str(value) for name, value in more.items()}

    def hand(self, task: str, argument: str, **settings: object) -> Hand:
        self.hands.append(Hand.start(self.environment(**settings), task, argument))
        return self.hands[-1]

    def hold(self, method: str, path: str, skip: int = 0) -> Rule:
        """The store takes such a request, and neither does it nor answers."""
        return self.proxy.on(Fault.SILENT, method, path, skip=skip, times=1, seconds=HELD)

    def shown(self, ticket: str, stage: str) -> bool:
        progress = self.record.progress.read(ticket)
        return progress is not None and progress.stage == stage

    def time_passes(self, model: str, ticket: str) -> None:
        """What was held by whoever was killed runs out."""
        leases = keys.lease("ticket", ticket), keys.lease("model", model)
        self.record.redis.delete(*leases, keys.append_lock(ticket))

    def complete(self, *tickets: str) -> int:
        """Sweeps until the workers have completed all; returns the most attempts that were seen."""
        most = 0

        def done() -> bool:
            nonlocal most
            sweep()
            most = max(most, *attempts(self.record, tickets).values())
            states = {self.workshop.state(ticket) for ticket in tickets}
            assert not states & {State.FAILED, State.NEEDS_REVIEW}
            return states == {State.COMPLETED}

        wait_until(done, every=0.05)
        return most

    def kept(self) -> dict[str, str]:
        """Every object but the faces → the SHA-256 of what it holds."""
        objects = self.record.objects
        return {
            name: sha256(objects.get(name)) for place in PLACES for name in objects.names(place)
        }

    def check_completed_once(self, model: str, *tickets: str, versions: int = 2) -> None:
        record = self.record
        for ticket in tickets:
            assert self.workshop.states(ticket).count("completed") == 1, self.workshop.load(ticket)
            assert self.workshop.state(ticket) is State.COMPLETED
            assert record.photos.left(ticket) == 0
            assert record.certificates.check(ticket)["verdict"] == "passed"
        made = record.models.versions(model)
        assert [version.number for version in made] == list(range(1, versions + 1))
        named = [ticket for version in made for ticket in version.made_by.get("tickets", [])]
        assert sorted(named) == sorted(tickets)
        wait_until(lambda: not list(record.objects.names("runs/")))
        assert record.ledger.verify().broken == ()

    def leave(self) -> None:
        """Nothing of the test is left, but the face sets."""
        for hand in self.hands:
            if hand.process.is_alive():
                hand.kill()
        self.proxy.clear()
        for prefix in PLACES:
            self.record.objects.remove_all(prefix)
        redis = self.record.redis
        for key in redis.scan_iter("lethe:*"):
            if not str(key).startswith("lethe:worker:"):
                redis.delete(key)
        redis.delete(CPU, GPU)

    def next_task(self, queue: str) -> tuple[str, str] | None:
        """Takes the oldest message from a queue: the task, and what it is about."""
        message = self.record.redis.rpop(queue)
        if message is None:
            return None
        envelope = json.loads(str(message))
        ((argument,), _, _) = json.loads(base64.b64decode(envelope["body"]))
        return envelope["headers"]["task"], argument


@dataclass
class Yard:
    """What the crews of a module share: servers, face sets, and workers that wait for tasks."""

    settings: Settings
    redis: RedisServer
    proxy: Proxy
    folder: Path
    workers: list[Process] = field(default_factory=list)

    @contextmanager
    def crew(self) -> Iterator[Crew]:
        key = self.folder / f"{secrets.token_hex(4)}.pem"
        own = self.settings.model_copy(update={"signing_key_file": key})
        with opened(own) as workshop, pytest.MonkeyPatch.context() as patch:
            for module, shorter in SHORTER.items():
                for name, made in shorter.items():
                    patch.setattr(f"{module}.{name}", made)
            crew = Crew(workshop, self.proxy, self.folder)
            yield crew
            crew.leave()

    def worker(self) -> Process:
        """A worker as it is deployed, for both queues."""
        name = f"crew-{len(self.workers)}"
        command = [str(Path(sys.executable).with_name("celery"))]
        command += ["-A", "tests.faults.crew_worker", "worker", "--loglevel", "INFO"]
        command += [
            "-Q",
            f"{CPU},{GPU}",
            "-n",
            f"{name}@%h",
            "--without-gossip",
            "--without-mingle",
        ]
        given = faulty(self.settings, self.proxy) | {"LETHE_LEASE_SECONDS": str(LEASE_SECONDS)}
        env = {**os.environ, **given, "PYTHONPATH": ROOT}
        worker = Process.start(name, command, self.folder / f"{name}.log", env=env)
        self.workers.append(worker)
        return worker

    def staff(self, count: int) -> list[Process]:
        """So many workers that wait for tasks."""
        living = [worker for worker in self.workers if worker.alive() and not worker.asked]
        living += [self.worker() for _ in range(count - len(living))]
        for worker in living:
            worker.wait_until(partial(ready, worker), SECONDS)
        return living

    def busy(self, record: Record) -> Process:
        """The one worker that has a task."""
        (found,) = (
            worker
            for worker in self.workers
            if worker.alive()
            and record.redis.get(keys.worker(f"{worker.name}@{socket.gethostname()}")) == BUSY
        )
        return found

    def stop(self) -> None:
        for worker in self.workers:
            worker.ask_to_stop()
        for worker in self.workers:
            worker.stop(15.0)
        self.proxy.stop()
        self.redis.stop()


def faulty(settings: Settings, proxy: Proxy) -> dict[str, str]:
    return {**environment(settings), "LETHE_S3_ENDPOINT": proxy.url, "OMP_NUM_THREADS": "1"}


def ready(worker: Process) -> bool:
    return " ready." in worker.log.read_text(errors="replace")


@contextmanager
def open_yard(servers: Servers, folder: Path, **given: object) -> Iterator[Yard]:
    """A bucket on the session's store, and a Redis that may be killed; ``given`` are settings."""
    policy = folder / "any.toml"
    policy.write_text(POLICY)
    redis = RedisServer(folder)
    more = {"redis_url": redis.url, "policy": str(policy), "sweep_seconds": 1, **given}
    own = settings_of(servers, folder, "crew", **more)
    write_new_key(folder / "signing.pem")
    yard = Yard(own, redis, Proxy(servers.s3_endpoint), folder)
    record = Record.open(own)
    record.faces.add("reference", faces().reference)
    record.faces.add("benchmark", faces().benchmark)
    try:
        yield yard
    finally:
        yard.stop()
