"""A whole Lethe that a real Prometheus watches: replicas of web, a worker, tickets on each way."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import SIGKILL

import pytest
import requests

from benchmarks.load.crowd import add_faces, add_models, subject, write_recognizer
from benchmarks.load.filling import write_ticket
from lethe.stack.process import LOOPBACK, Process, answers, free_port
from storage import keys, object_names
from storage.certificates.issued import write_new_key
from storage.queue import CPU, GPU, Queue
from storage.record import Record
from storage.settings import Settings
from storage.tickets.desk import Desk
from storage.tickets.photos import Photo
from storage.tickets.request import LegalGround, Request
from storage.tickets.states import State

ROOT = Path(__file__).parents[2]
RULES = ROOT / "charts" / "lethe" / "files" / "rules" / "lethe.yaml"
POLICY = Path(__file__).with_name("policy.toml")
SECONDS = 120.0  # far more than it takes
REFERENCE = "DSR-2026-0142"  # the subject's; never in a metric
GONE = "gpu@gone"  # a worker that was killed
MEMORY = 512 * 2**20  # bytes that Redis may use
# Models: one that is erased from, one whose certificate is refused, one that nobody can judge.
DOOR, HALL, GATE = "door", "hall", "gate"
CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: web
    static_configs: [{{targets: [{web}]}}]
  - job_name: workers
    static_configs: [{{targets: [{worker}]}}]
"""
Labels = Mapping[str, str]
Sample = tuple[Labels, float]


@dataclass
class Watched:
    record: Record
    desk: Desk
    prometheus: str  # its address
    workers_metrics: str  # the address of the worker's own
    worker: Process
    folder: Path  # that it counts into
    tickets: Mapping[str, str]  # what became of it → the ticket

    def ask(self, expr: str) -> list[Sample]:
        """
        Raises:
            AssertionError: it is no expression that Prometheus knows.
        """
        answer = requests.get(f"{self.prometheus}/api/v1/query", {"query": expr}, timeout=10).json()
        assert answer["status"] == "success", f"{expr}: {answer}"
        data = answer["data"]
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(found["metric"], float(found["value"][1])) for found in data["result"]]

    def api(self, path: str, **query: object) -> object:
        answer = requests.get(f"{self.prometheus}/api/v1/{path}", query, timeout=10).json()
        assert answer["status"] == "success", answer
        return answer["data"]


@contextmanager
def watched(settings: Settings, folder: Path) -> Iterator[Watched]:
    """Everything is up, and every ticket has come to where it goes."""
    if not (prometheus := shutil.which("prometheus")):
        pytest.skip("no prometheus on PATH: Debian has it as the package prometheus")
    ports = [free_port() for _ in range(4)]
    own = settings.model_copy(update={"signing_key_file": folder / "signing.pem"})
    write_new_key(folder / "signing.pem")
    environment = {**os.environ, **_variables(own, folder, ports[2]), "PYTHONPATH": str(ROOT)}
    with ExitStack() as started:

        def start(name: str, command: list[str]) -> Process:
            log = folder / f"{name}.log"
            process = Process.start(name, command, log, env=environment, stop_signal=SIGKILL)
            started.callback(process.stop, 20.0)
            return process

        worker = start("worker", _worker(folder))
        for number, port in enumerate(ports[:2]):
            start(f"web-{number}", _web(port))
        start("prometheus", _prometheus(prometheus, folder, ports))
        record = Record.open(own)
        record.redis.config_set("maxmemory", MEMORY)
        desk = Desk(record, Queue(own))
        add_faces(record)
        add_models(record, [DOOR, HALL, GATE], write_recognizer(folder / "trivial.onnx"))
        faces = {"name": GATE, "reference_faces": "reference", "benchmark_faces": "nowhere"}
        record.objects.put_document(object_names.model(GATE), {**faces, "verification": []})
        for port in ports:
            wait_until(lambda port=port: answers(port))
        metrics, tickets = folder / "metrics", dict[str, str]()
        found = Watched(record, desk, _url(ports[3]), _url(ports[2]), worker, metrics, tickets)
        wait_until(lambda: requests.get(f"{found.prometheus}/-/ready", timeout=10).ok)
        wait_until(lambda: found.ask("count(lethe_worker_busy) == 2"), worker)
        tickets.update(_drive(record, desk))
        wait_until(lambda: _ended(record, tickets), worker)
        yield found


def wait_until(met: Callable[[], object], process: Process | None = None) -> None:
    end = time.monotonic() + SECONDS
    while not met():
        said = process.last_line() if process else ""
        assert process is None or process.alive(), said
        assert time.monotonic() < end, f"not within {SECONDS:.0f} s {said}"
        time.sleep(0.1)


def _drive(record: Record, desk: Desk) -> dict[str, str]:
    """Tickets on each way that there is, a worker that is missed, and a record that is verified."""
    today = datetime.now(UTC).date()
    twelve, (alone,) = subject(1, 12), subject(4, 1)
    again = Photo("again.png", twelve[0].data + b"\0")
    thrice = [Photo(f"{count}.png", alone.data + count * b"\0") for count in range(3)]
    found = {
        "completed": _approved(desk, DOOR, [*twelve, again]),
        "needs_review": _approved(desk, HALL, subject(2, 6)),
        "failed": _approved(desk, GATE, subject(3, 12)),
        "needs_photos": _approved(desk, DOOR, thrice),
    }
    for name, days in (("missed", -2), ("near", 3)):
        due = today + timedelta(days=days)
        request = Request(HALL, REFERENCE, LegalGround.CONSENT_WITHDRAWN, due, 3)
        found[name] = write_ticket(record, request, (State.SUBMITTED,))
    heard = {"queues": [GPU], "heard": time.time() - 300}
    record.redis.hset(keys.WORKERS, GONE, json.dumps(heard))
    return found


def _approved(desk: Desk, model: str, photos: list[Photo]) -> str:
    due = datetime.now(UTC).date() + timedelta(days=25)
    request = Request(model, REFERENCE, LegalGround.CONSENT_WITHDRAWN, due, len(photos))
    ticket = desk.submit(request, photos, "ada").id
    desk.approve(ticket, "grace")
    return ticket


def _ended(record: Record, tickets: Mapping[str, str]) -> bool:
    ways = ("completed", "needs_review", "failed", "needs_photos")
    return all(record.tickets.get(tickets[way]).state == way for way in ways)


def _variables(settings: Settings, folder: Path, port: int) -> dict[str, str]:
    secret, key = settings.s3_secret_key, settings.secret_key
    assert key is not None
    given = {
        "redis_url": settings.redis_url,
        "s3_endpoint": settings.s3_endpoint,
        "s3_access_key": settings.s3_access_key,
        "s3_secret_key": secret.get_secret_value(),
        "s3_bucket": settings.s3_bucket,
        "secret_key": key.get_secret_value(),
        "signing_key_file": settings.signing_key_file,
        "cache_dir": settings.cache_dir,
        "metrics_dir": folder / "metrics",
        "metrics_port": port,
        "policy": POLICY,
        "sweep_seconds": 1,
        "task_attempts": 2,
    }
    return {f"LETHE_{name.upper()}": str(value) for name, value in given.items()}


def _worker(folder: Path) -> list[str]:
    command = [_beside("celery"), "-A", "tests.observability.worker", "worker", "-B"]
    command += [
        "-s",
        str(folder / "beat"),
        "--loglevel",
        "INFO",
        "-Q",
        f"{CPU},{GPU}",
        "-n",
        "one@%h",
    ]
    return [*command, "--without-gossip", "--without-mingle"]


def _web(port: int) -> list[str]:
    """A replica, of two processes."""
    command = [_beside("gunicorn"), "web.app:create_app()", "--config", "python:web.listener"]
    command += ["--bind", f"{LOOPBACK}:{port}", "--no-control-socket"]
    return [*command, "--workers", "2", "--threads", "2", "--worker-class", "gthread"]


def _prometheus(binary: str, folder: Path, ports: list[int]) -> list[str]:
    web = ", ".join(f"'{LOOPBACK}:{port}'" for port in ports[:2])
    config = folder / "prometheus.yml"
    config.write_text(CONFIG.format(rules=RULES, web=web, worker=f"'{LOOPBACK}:{ports[2]}'"))
    command = [binary, f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    command += [f"--web.listen-address={LOOPBACK}:{ports[3]}"]
    return [*command, "--enable-feature=exemplar-storage", "--log.level=warn"]


def _beside(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _url(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"
