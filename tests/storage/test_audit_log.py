"""The audit log: nothing is lost or altered unseen, and an entry costs the same at any length."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from lethe.stack.process import free_port
from storage import keys, object_names
from storage.audit import log as audit_log
from storage.audit.entry import TEXT, Entry
from storage.audit.log import Act, AuditLog, Filter
from storage.canonical import canonical
from storage.record import Record
from storage.settings import Settings
from storage.store.objects import ObjectStore, StoreUnavailable

pytest_plugins = ["tests.storage.conditional"]


def entries(record: Record) -> list[Entry]:
    found = list(record.audit.walk())
    assert all(isinstance(entry, Entry) for entry in found), found
    return [entry for entry in found if isinstance(entry, Entry)]


def write(record: Record, count: int, actor: str = "ada", act: Act = Act.ROLE_CHANGED) -> None:
    for number in range(count):
        record.audit.write(actor, act, "grace", {"step": number})


def _write_elsewhere(settings: Settings, actor: str, count: int) -> None:
    write(Record.open(settings), count, actor)


def test_an_entry_says_who_did_what_when_to_what(record: Record):
    record.audit.write("ada", Act.ROLE_CHANGED, "grace", {"role": "approver", "by_hand": True})
    (entry,) = entries(record)
    assert (entry.actor, entry.act, entry.about) == ("ada", "role_changed", "grace")
    assert entry.facts == {"role": "approver", "by_hand": True}
    assert abs((datetime.fromisoformat(entry.at) - datetime.now(UTC)).total_seconds()) < 60


def test_each_entry_names_the_one_before_by_its_digest(record: Record):
    write(record, 3)
    first, second, third = entries(record)
    assert [first.previous, second.previous, third.previous] == [None, first.digest, second.digest]


def test_two_processes_that_write_at_once_lose_nothing_and_keep_one_chain(
    record: Record, settings: Settings
):
    context = multiprocessing.get_context("spawn")
    writers = [
        context.Process(target=_write_elsewhere, args=(settings, f"web-{name}", 12))
        for name in "ab"
    ]
    for writer in writers:
        writer.start()
    write(record, 12, "here")
    for writer in writers:
        writer.join(60)
    found = entries(record)
    assert [writer.exitcode for writer in writers] == [0, 0]
    for actor in ("web-a", "web-b", "here"):
        assert [entry.facts["step"] for entry in found if entry.actor == actor] == list(range(12))


def test_threads_that_write_at_once_lose_nothing_on_either_kind_of_store(either: Record):
    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(write, either, 5, f"user-{number}") for number in range(6)]:
            done.result()
    found = entries(either)
    assert [entry.number for entry in found] == list(range(1, 31))
    assert len(either.audit.page(Filter(), None, 100)) == 30


def test_an_altered_entry_a_missing_one_and_a_cut_end_are_each_named(record: Record):
    write(record, 6)
    second = record.objects.get_document(object_names.audit_entry(2))
    record.objects.put_document(object_names.audit_entry(2), {**second, "actor": "mallory"})
    record.objects.remove_all(object_names.audit_entry(4))
    record.objects.remove_all(object_names.audit_entry(6))
    broken = record.ledger.verify().broken
    assert broken == (
        f"{object_names.audit_entry(3)}: names another entry before it: altered, or that one was",
        f"{object_names.audit_entry(4)}: missing from the audit log, which had it",
        f"{object_names.audit_entry(6)}: missing from the audit log, which had it",
    )


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"number": 7},
        {"number": True},
        {"at": "2026-11-23T10:00:00"},
        {"previous": "none"},
        {"facts": {"list": [1]}},
        {"more": 1},
        {"actor": None},
    ],
)
def test_what_is_no_entry_is_named_and_the_log_goes_on_behind_it(record: Record, change: dict):
    write(record, 1)
    name = object_names.audit_entry(2)
    first = record.objects.get_document(object_names.audit_entry(1))
    record.objects.put_document(name, {**first, "number": 2, **change})
    write(record, 1)
    (broken,) = record.ledger.verify().broken
    assert broken.startswith(f"{name}: ")
    shown = record.audit.page(Filter(), None, 10)
    assert [line.number for line in shown] == [3, 2, 1]
    assert str(shown[1]) == broken


def test_the_log_goes_on_after_redis_lost_everything(record: Record):
    write(record, 3)
    record.redis.flushall()
    write(record, 2)
    assert [entry.number for entry in entries(record)] == [1, 2, 3, 4, 5]
    assert record.audit.index.begins() == 4
    assert len(record.audit.page(Filter(actor="ada"), None, 10)) == 2
    record.ledger.rebuild()
    assert record.audit.index.begins() == 1
    assert len(record.audit.page(Filter(actor="ada"), None, 10)) == 5


def test_an_index_that_is_behind_catches_up_with_the_next_entry(record: Record):
    write(record, 1)
    behind = str(record.redis.get(keys.AUDIT_LAST))
    write(record, 3, "grace")
    record.redis.delete(keys.audit_listing("grace", None))
    record.redis.set(keys.AUDIT_LAST, behind)
    write(record, 1)
    assert [entry.number for entry in entries(record)] == [1, 2, 3, 4, 5]
    assert len(record.audit.page(Filter(actor="grace"), None, 10)) == 3


def test_an_index_far_behind_asks_the_store_for_the_end(
    record: Record, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(audit_log, "_CATCH_UP", 3)
    write(record, 1)
    behind = str(record.redis.get(keys.AUDIT_LAST))
    write(record, 8)
    record.redis.set(keys.AUDIT_LAST, behind)
    write(record, 1)
    assert [entry.number for entry in entries(record)] == list(range(1, 11))
    assert record.audit.index.begins() == 9


def test_without_redis_an_entry_is_still_written_where_the_store_knows_conditions(
    versioned: Record,
):
    write(versioned, 2)
    nobody = Redis(port=free_port(), retry=Retry(NoBackoff(), 0))
    AuditLog(versioned.objects, nobody).write("ada", Act.USER_ADDED, "grace")
    assert [entry.act for entry in entries(versioned)][-1] == "user_added"


def test_without_the_store_what_must_be_written_first_is_refused_and_a_mention_goes_on(
    record: Record, settings: Settings
):
    gone = settings.model_copy(
        update={"s3_endpoint": f"http://127.0.0.1:{free_port()}", "s3_timeout": 1.0}
    )
    audit = AuditLog(ObjectStore.from_settings(gone), record.redis)
    with pytest.raises(StoreUnavailable):
        audit.write("ada", Act.ROLE_CHANGED, "grace")
    audit.mention("ada", Act.SIGNED_IN, "127.0.0.1")
    assert entries(record) == []


def test_a_flood_of_refusals_from_one_address_is_one_entry_a_minute(record: Record):
    for _ in range(50):
        record.audit.refused("192.0.2.7", "ada")
    record.audit.refused("192.0.2.8", "")
    first, second = entries(record)
    assert (first.about, first.facts) == ("192.0.2.7", {"account": "ada"})
    assert (second.about, second.facts) == ("192.0.2.8", {})
    record.redis.delete(keys.audit_refusal("192.0.2.7"))  # a minute later
    record.audit.refused("192.0.2.7", "")
    assert entries(record)[-1].facts == {"more_before": 49}


def test_a_flood_from_many_addresses_is_bounded_too(
    record: Record, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(audit_log, "REFUSALS", 5)
    for number in range(20):
        record.audit.refused(f"192.0.2.{number}", "")
        record.audit.refused(f"2001:db8::{number}", "")  # one network, one caller
    assert len(entries(record)) == 5


def test_hostile_texts_are_kept_as_one_bounded_line(record: Record):
    record.audit.write("a\nb", Act.USER_ADDED, "x" * 9000, {"why": "\ud800\x00<b>"})
    (entry,) = entries(record)
    assert entry.actor == "a b"
    assert len(entry.about) == TEXT
    assert entry.about.endswith("…")
    assert entry.facts == {"why": "  <b>"}


def test_entries_are_found_by_actor_act_and_day(record: Record):
    write(record, 2, "ada", Act.ROLE_CHANGED)
    write(record, 2, "grace", Act.ROLE_CHANGED)
    write(record, 1, "grace", Act.TOKEN_ISSUED)

    def found(wanted: Filter) -> list[int]:
        return [line.number for line in record.audit.page(wanted, None, 10)]

    today = datetime.now(UTC).date()
    assert found(Filter(actor="grace")) == [5, 4, 3]
    assert found(Filter(act="role_changed")) == [4, 3, 2, 1]
    assert found(Filter("grace", "role_changed", today)) == [4, 3]
    assert found(Filter(day=today.replace(year=2000))) == []
    assert record.audit.index.actors(10) == ["ada", "grace"]
    before = record.audit.page(Filter(actor="grace"), 5, 1)
    assert [line.number for line in before] == [4]


def test_a_day_is_found_whole_where_a_clock_was_wrong(record: Record):
    previous = None
    for number, day in enumerate(["2026-11-23", "2027-11-23", "2026-11-23"], start=1):
        at = datetime.fromisoformat(f"{day}T10:00:00+00:00")
        given = audit_log.document(number, at, "ada", Act.SIGNED_IN, "", {}, previous)
        record.objects.put_document(object_names.audit_entry(number), given)
        previous = Entry.parse(canonical(given), "").digest
    assert record.ledger.rebuild().broken == ()
    day = datetime(2026, 11, 23, tzinfo=UTC).date()
    assert [line.number for line in record.audit.page(Filter(day=day), None, 1)] == [3]
    assert [line.number for line in record.audit.page(Filter(day=day), 3, 1)] == [1]


def test_an_entry_costs_the_same_whether_there_are_ten_or_a_thousand(record: Record):
    """By requests, not by seconds: those hang on the machine."""
    write(record, 10)
    few = _requests(record)
    previous = record.audit.entry(11).digest
    for number in range(12, 1200):
        now = datetime.now(UTC)
        given = audit_log.document(number, now, "ada", Act.SIGNED_IN, "", {}, previous)
        if number > 1190:
            record.objects.put_document(object_names.audit_entry(number), given)
        previous = Entry.parse(canonical(given), "").digest
    record.redis.set(keys.AUDIT_LAST, f'{{"number": 1199, "digest": "{previous}"}}')
    assert _requests(record) == few


def _requests(record: Record) -> int:
    sent = 0
    pool = record.objects._client._http
    ask = pool.urlopen

    def counted(*given: object, **options: object) -> object:
        nonlocal sent
        sent += 1
        return ask(*given, **options)

    pool.urlopen = counted
    try:
        write(record, 1)
    finally:
        del pool.urlopen
    return sent
