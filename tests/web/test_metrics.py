import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from storage import keys
from storage.record import Record
from storage.settings import Settings
from storage.states import State
from storage.tickets import Ticket
from tests.web.conftest import MODEL, SUBJECT, Visitor
from web.app import create_app

FIXED = {
    "lethe_tickets",
    "lethe_ticket_deadline_seconds",
    "lethe_queue_depth",
    "lethe_worker_busy",
    "lethe_forget_tmr",
    "lethe_retained_tmr",
    "lethe_cross_version_tmr",
    "lethe_verdicts_total",
    "lethe_model_version",
}
# A worker in a process of its own, as Celery's children are.
WORKER = """
from prometheus_client import Counter
Counter("lethe_faces_embedded", "Faces.").inc({})
"""


def samples(visitor: Visitor) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = visitor.get("/metrics").text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(found: dict[tuple[str, frozenset[tuple[str, str]]], float], name: str, **labels: str):
    return found[name, frozenset(labels.items())]


@pytest.fixture
def ticket(record: Record, submitted: Callable[..., Ticket]) -> Ticket:
    found = submitted()
    submitted(then=[State.DENIED])
    figures = {"forget_tmr:0.001": "0.03", "retained_tmr:0.001": "0.8", "cross_version_tmr": "0.02"}
    record.redis.hset(keys.figures(MODEL), mapping=figures)
    record.redis.hset(keys.verdicts(MODEL), mapping={"passed": "2", "refused": "1"})
    record.redis.set(keys.worker("gpu@one"), "1")
    record.redis.set(keys.worker("cpu@one"), "0")
    return found


@pytest.mark.usefixtures("ticket")
def test_the_fixed_names_are_there_for_whoever_asks(stranger: Visitor) -> None:
    assert {name for name, _ in samples(stranger)} >= FIXED


def test_the_values_are_those_of_the_record(stranger: Visitor, ticket: Ticket) -> None:
    found = samples(stranger)
    assert value(found, "lethe_tickets", model=MODEL, state="submitted") == 1
    assert value(found, "lethe_tickets", model=MODEL, state="denied") == 1
    assert value(found, "lethe_tickets", model=MODEL, state="completed") == 0
    assert value(found, "lethe_queue_depth", queue="gpu") == 0
    assert value(found, "lethe_worker_busy", worker="gpu@one") == 1
    assert value(found, "lethe_worker_busy", worker="cpu@one") == 0
    assert value(found, "lethe_forget_tmr", model=MODEL, fmr="0.001") == 0.03
    assert value(found, "lethe_retained_tmr", model=MODEL, fmr="0.001") == 0.8
    assert value(found, "lethe_cross_version_tmr", model=MODEL) == 0.02
    assert value(found, "lethe_verdicts_total", model=MODEL, verdict="passed") == 2
    assert value(found, "lethe_model_version", model=MODEL, alias="current") == 1
    left = value(found, "lethe_ticket_deadline_seconds", model=MODEL, ticket=ticket.id)
    days = (date.fromisoformat(ticket.deadline) - datetime.now(UTC).date()).days
    assert days * 86400 < left <= (days + 1) * 86400
    assert len([name for name, _ in found if name == "lethe_ticket_deadline_seconds"]) == 1


@pytest.mark.usefixtures("ticket")
def test_no_subject_shows_in_the_metrics(stranger: Visitor) -> None:
    assert SUBJECT not in stranger.get("/metrics").text


def test_what_workers_count_is_summed_over_their_processes(
    record: Record,  # noqa: ARG001 - empties Redis first
    settings: Settings,
    tmp_path: Path,
) -> None:
    for faces in (30, 12):
        env = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
        subprocess.run([sys.executable, "-c", WORKER.format(faces)], env=env, check=True)
    app = create_app(settings.model_copy(update={"metrics_dir": tmp_path}))
    assert value(samples(Visitor(app.test_client())), "lethe_faces_embedded_total") == 42
