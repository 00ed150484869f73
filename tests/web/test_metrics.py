import json
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from storage import condition, keys, object_names, presence
from storage.audit.log import Act, Filter
from storage.models import lines
from storage.models.registry import Model
from storage.record import Record
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from tests.web.conftest import MODEL, SUBJECT, Visitor
from web.operations import ticket_gauges

FIXED = {
    "lethe_tickets",
    "lethe_ticket_deadline_seconds",
    "lethe_deadlines_missed",
    "lethe_deadlines_near",
    "lethe_tickets_stuck",
    "lethe_photos_overdue",
    "lethe_queue_depth",
    "lethe_worker_busy",
    "lethe_worker_silent_seconds",
    "lethe_last_sweep_timestamp_seconds",
    "lethe_webhooks_put_off",
    "lethe_redis_memory_bytes",
    "lethe_redis_memory_limit_bytes",
    "lethe_redis_noeviction",
    "lethe_redis_evicted_keys_total",
    "lethe_forget_tmr",
    "lethe_retained_tmr",
    "lethe_retained_tmr_first",
    "lethe_cross_version_tmr",
    "lethe_verdicts_total",
    "lethe_model_version",
}
HEADLINE = {
    "fmr": 0.001,
    "forget_tmr_after": 0.03,
    "benchmark_tmr_before": 0.82,
    "benchmark_tmr_after": 0.8,
    "cross_version_tmr": 0.02,
}
ERASED = (State.APPROVED, State.PREPARING, State.QUEUED, State.UNLEARNING, State.CERTIFYING)


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
def ticket(record: Record, submitted: Callable[..., Ticket], tmp_path: Path) -> Ticket:
    found = submitted()
    submitted(then=[State.DENIED])
    erased(record, submitted(then=ERASED).id, tmp_path)
    record.redis.hset(keys.verdicts(MODEL), mapping={"passed": "2", "refused": "1"})
    presence.say(record.redis, "gpu@one", ["gpu"], holds=True)
    presence.say(record.redis, "both@one", ["gpu", "cpu"], holds=False)
    return found


def erased(record: Record, ticket: str, folder: Path) -> None:
    """Publishes a version that the ticket made, and completes it as a worker does."""
    path = folder / "model.onnx"
    path.write_bytes(b"second version")
    facts = {"result": {"headline": HEADLINE}}
    record.tickets.move(ticket, State.PUBLISHING, "worker", data={"facts": facts})
    first = record.models.version(MODEL, 1)
    with record.leases.hold("model", MODEL) as lease:
        assert lease is not None
        made_by = {"tickets": [ticket]}
        version = record.models.publish(
            MODEL, {"model.onnx": path}, made_by, parent=first, lease=lease
        )
        record.models.point(MODEL, "current", version, "worker", lease)
    record.tickets.move(ticket, State.COMPLETED, "worker", result=facts["result"])


@pytest.mark.usefixtures("ticket")
def test_the_fixed_names_are_there_for_whoever_asks(stranger: Visitor) -> None:
    assert {name for name, _ in samples(stranger)} >= FIXED


def test_the_values_are_those_of_the_record(stranger: Visitor, ticket: Ticket) -> None:
    found = samples(stranger)
    assert value(found, "lethe_tickets", model=MODEL, state="submitted") == 1
    assert value(found, "lethe_tickets", model=MODEL, state="denied") == 1
    assert value(found, "lethe_tickets", model=MODEL, state="completed") == 1
    assert ("lethe_tickets", frozenset({"model": MODEL, "state": "failed"}.items())) not in found
    assert value(found, "lethe_queue_depth", queue="gpu") == 0
    assert value(found, "lethe_worker_busy", worker="gpu@one", queues="gpu") == 1
    assert value(found, "lethe_worker_busy", worker="both@one", queues="cpu,gpu") == 0
    assert value(found, "lethe_forget_tmr", model=MODEL, fmr="0.001") == 0.03
    assert value(found, "lethe_retained_tmr", model=MODEL, fmr="0.001") == 0.8
    assert value(found, "lethe_retained_tmr_first", model=MODEL, fmr="0.001") == 0.82
    assert value(found, "lethe_cross_version_tmr", model=MODEL) == 0.02
    assert value(found, "lethe_verdicts_total", model=MODEL, verdict="passed") == 2
    assert value(found, "lethe_model_version", model=MODEL, alias="current") == 2
    left = value(found, "lethe_ticket_deadline_seconds", model=MODEL, ticket=ticket.id)
    days = (date.fromisoformat(ticket.deadline) - datetime.now(UTC).date()).days
    assert days * 86400 < left <= (days + 1) * 86400
    assert len([name for name, _ in found if name == "lethe_ticket_deadline_seconds"]) == 1


@pytest.mark.usefixtures("ticket")
def test_a_redis_that_lost_its_data_comes_to_know_the_versions_and_figures_again(
    stranger: Visitor, record: Record
) -> None:
    before = samples(stranger)
    record.redis.flushall()
    assert not [name for name, _ in samples(stranger) if name == "lethe_model_version"]
    record.ledger.rebuild()
    again = samples(stranger)
    for name in ("lethe_model_version", "lethe_forget_tmr", "lethe_cross_version_tmr"):
        kept = {sample: value for sample, value in before.items() if sample[0] == name}
        assert kept.items() <= again.items()
        assert kept


@pytest.mark.usefixtures("ticket")
def test_a_model_whose_line_is_old_or_lost_is_read_again_a_few_at_a_time(
    stranger: Visitor, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "AT_ONCE", 1)
    for number in range(2):
        record.models.create(Model(f"gate-{number}", "reference", "benchmark"))
    current = ("lethe_model_version", frozenset({"model": MODEL, "alias": "current"}.items()))
    known = []
    for _ in range(4):
        samples(stranger)
        known.append(record.redis.hlen(keys.LINES))
    assert known == [1, 2, 3, 3]
    record.redis.hset(keys.LINES, MODEL, json.dumps({"read": 0.0, "aliases": {"current": 1}}))
    assert samples(stranger)[current] == 2


@pytest.mark.usefixtures("ticket")
def test_without_the_store_the_metrics_show_what_was_known(
    stranger: Visitor, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples(stranger)
    monkeypatch.setattr(lines, "FRESH_SECONDS", -1)
    record.objects.remove_all("")
    record.objects._client.remove_bucket(record.settings.s3_bucket)
    found = samples(stranger)
    assert value(found, "lethe_model_version", model=MODEL, alias="current") == 2


def test_the_earliest_deadlines_are_told_and_no_more_than_so_many(
    stranger: Visitor, submitted: Callable[..., Ticket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticket_gauges, "DEADLINES", 2)
    late, early, first = (submitted(days=days).id for days in (30, 3, -1))
    told = {
        dict(labels)["ticket"]: left
        for (name, labels), left in samples(stranger).items()
        if name == "lethe_ticket_deadline_seconds"
    }
    assert set(told) == {early, first}
    assert late not in told
    assert told[first] < 0 < told[early]
    found = samples(stranger)
    assert value(found, "lethe_deadlines_missed") == 1
    assert value(found, "lethe_deadlines_near") == 1


def test_a_ticket_in_work_that_nothing_moves_is_counted_and_no_other(
    stranger: Visitor, submitted: Callable[..., Ticket], monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted(then=[State.APPROVED])
    submitted()
    submitted(then=[State.APPROVED, State.PREPARING, State.NEEDS_PHOTOS])
    assert value(samples(stranger), "lethe_tickets_stuck") == 0
    monkeypatch.setattr(condition, "STUCK_SECONDS", -60)
    assert value(samples(stranger), "lethe_tickets_stuck") == 1


def test_a_worker_that_went_without_a_word_is_missed_and_one_that_said_goodbye_is_not(
    stranger: Visitor, record: Record
) -> None:
    for name in ("killed@one", "asked@one", "lively@one", "long-ago@one"):
        presence.say(record.redis, name, ["gpu"], holds=True)
    presence.goodbye(record.redis, "asked@one")
    for name, ago in (("killed@one", 95), ("long-ago@one", presence.MISSED_SECONDS + 5)):
        record.redis.delete(keys.worker(name))  # it ran out
        heard = {"queues": ["gpu"], "heard": time.time() - ago}
        record.redis.hset(keys.WORKERS, name, json.dumps(heard))
    presence.forget_missed(record.redis)
    found = samples(stranger)
    silent = {
        dict(labels)["worker"]: seconds
        for (name, labels), seconds in found.items()
        if name == "lethe_worker_silent_seconds"
    }
    assert set(silent) == {"killed@one", "lively@one"}
    assert silent["lively@one"] < 10 < 90 < silent["killed@one"] < 110
    busy = {dict(labels)["worker"] for name, labels in found if name == "lethe_worker_busy"}
    assert busy == {"lively@one"}


def test_the_last_verification_of_the_record_shows_and_what_it_found(
    stranger: Visitor, record: Record, submitted: Callable[..., Ticket]
) -> None:
    ticket = submitted(then=[State.APPROVED])
    assert not [name for name, _ in samples(stranger) if name.startswith("lethe_ledger")]
    record.ledger.verify_for("auditor")
    found = samples(stranger)
    assert value(found, "lethe_ledger_broken") == 0
    assert abs(value(found, "lethe_ledger_verified_timestamp_seconds") - time.time()) < 30
    record.objects.remove_all(f"tickets/{ticket.id}/events/000002")
    record.ledger.verify_for("auditor")
    assert value(samples(stranger), "lethe_ledger_broken") == 1
    (number,) = record.audit.index.numbers(Filter(act=Act.LEDGER_VERIFIED), None, 1)
    record.ledger.verify_for("auditor")
    record.objects.put_document(object_names.audit_entry(number + 1), {"format": 1})
    assert value(samples(stranger), "lethe_ledger_broken") == 1


def test_a_redis_that_may_drop_work_shows(stranger: Visitor, record: Record) -> None:
    found = samples(stranger)
    assert value(found, "lethe_redis_noeviction") == 1
    assert value(found, "lethe_redis_memory_bytes") > 0
    record.redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        assert value(samples(stranger), "lethe_redis_noeviction") == 0
    finally:
        record.redis.config_set("maxmemory-policy", "noeviction")


def test_the_sweep_and_webhooks_that_wait_show(stranger: Visitor, record: Record) -> None:
    assert value(samples(stranger), "lethe_last_sweep_timestamp_seconds") == 0
    condition.swept(record.redis)
    record.redis.zadd(keys.ANNOUNCEMENTS, {"later": time.time() + 60, "now": time.time() - 1})
    found = samples(stranger)
    assert abs(value(found, "lethe_last_sweep_timestamp_seconds") - time.time()) < 30
    assert value(found, "lethe_webhooks_put_off") == 1


def test_photos_that_should_be_gone_are_counted(
    stranger: Visitor, record: Record, submitted: Callable[..., Ticket]
) -> None:
    assert value(samples(stranger), "lethe_photos_overdue") == 0
    ticket = submitted()
    record.tickets.move(ticket.id, State.DENIED, "approver")
    long_ago = time.time() - record.settings.photo_removal_seconds - 60
    record.redis.zadd(keys.PHOTOS, {ticket.id: long_ago})
    assert value(samples(stranger), "lethe_photos_overdue") == 1


@pytest.mark.usefixtures("ticket")
def test_no_subject_shows_in_the_metrics(stranger: Visitor) -> None:
    assert SUBJECT not in stranger.get("/metrics").text
