"""A real worker process: tasks from the queue, and what it counts."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lethe.stack.process import Process
from storage import presence
from storage.queue import CPU, GPU
from storage.settings import Settings
from storage.tickets.photos import Photo
from storage.tickets.states import ENDED, State
from tests.workers.cast import Cast
from tests.workers.erased import LOOSE
from tests.workers.workshop import MODEL, SUBJECT, Workshop, environment
from web.app import create_app

ROOT = str(Path(__file__).parents[2])
SECONDS = 240.0  # far more than it takes; a hanging worker must not hang the tests
STAGES = ("preparing", "unlearning", "certifying", "publishing")
NAMES = (
    "tickets",
    "ticket_deadline_seconds",
    "stage_duration_seconds",
    "queue_depth",
    "worker_busy",
    "forget_tmr",
    "retained_tmr",
    "cross_version_tmr",
    "verdicts_total",
    "model_version",
    "erasures_total",
    "photos_rejected_total",
    "gpu_memory_bytes",
    "faces_embedded_total",
)


@pytest.fixture
def worker(workshop: Workshop, tmp_path: Path) -> Iterator[Process]:
    metrics = tmp_path / "metrics"
    metrics.mkdir()
    command = [
        str(Path(sys.executable).with_name("celery")),
        "-A",
        "tests.workers.loose_worker",
        "worker",
    ]
    command += ["--loglevel", "INFO", "-Q", f"{CPU},{GPU}", "--without-gossip", "--without-mingle"]
    given = {"PROMETHEUS_MULTIPROC_DIR": str(metrics), "OMP_NUM_THREADS": "1", "PYTHONPATH": ROOT}
    # What the default policy asks takes more people and photos than a test has time for.
    settings = workshop.settings.model_copy(update={"policy": LOOSE})
    env = {**os.environ, **environment(settings), **given}
    process = Process.start("worker", command, tmp_path / "worker.log", env=env)
    yield process
    process.stop(30.0)


def wait_for(workshop: Workshop, worker: Process, ticket: str) -> State:
    end = time.monotonic() + SECONDS
    stopped = {*ENDED, State.FAILED, State.NEEDS_REVIEW, State.NEEDS_PHOTOS}
    while (state := workshop.record.tickets.get(ticket).state) not in stopped:
        assert worker.alive(), worker.last_line()
        assert time.monotonic() < end, f"still {state}: {worker.last_line()}"
        time.sleep(0.2)
    return state


def scraped(settings: Settings, folder: Path) -> str:
    app = create_app(settings.model_copy(update={"metrics_dir": folder}))
    return str(app.test_client().get("/metrics").text)


def test_a_real_worker_completes_a_ticket_and_counts_it_without_naming_the_subject(
    workshop: Workshop, cast: Cast, worker: Process, tmp_path: Path
) -> None:
    again = Photo("ada-again.jpg", cast.subject[0].data + b"\0")
    ticket = workshop.approved([*cast.subject, again])
    assert wait_for(workshop, worker, ticket) is State.COMPLETED, workshop.load(ticket).note
    assert workshop.load(ticket).result["headline"]["forget_tmr_after"] <= 0.4
    assert workshop.record.certificates.check(ticket)["verdict"] == "passed"

    (alive,) = presence.known(workshop.record.redis)
    assert alive.queues == (CPU, GPU)
    text = scraped(workshop.settings, tmp_path / "metrics")
    shown = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert {f"lethe_{name}" for name in NAMES} <= shown
    for line in (
        f'lethe_erasures_total{{model="{MODEL}",result="completed"}} 1.0',
        f'lethe_verdicts_total{{model="{MODEL}",verdict="passed"}} 1.0',
        f'lethe_model_version{{alias="current",model="{MODEL}"}} 2.0',
        f'lethe_tickets{{model="{MODEL}",state="completed"}} 1.0',
        'lethe_photos_rejected_total{reason="duplicate"} 1.0',
        f'lethe_forget_tmr{{fmr="0.001",model="{MODEL}"}}',
        *(f'lethe_stage_duration_seconds_count{{stage="{stage}"}} 1.0' for stage in STAGES),
    ):
        assert line in text

    worker.stop(30.0)
    assert presence.known(workshop.record.redis) == [], "it went without a word"
    log = worker.log.read_text()
    for secret in (SUBJECT, "holiday", "ada-again", cast.subject[0].sha256):
        assert secret not in text
        assert secret not in log
    assert f'"model": "{MODEL}"' in log
