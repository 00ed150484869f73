"""System health and settings: every part says how it is, what to do, and nothing secret."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from lethe.stack.process import free_port
from lethe.stack.servers import start_redis
from storage import condition, keys, presence
from storage.accounts.users import Role
from storage.certificates.issued import Signer, issue, write_new_key
from storage.condition import RedisCondition, StoreCondition, WorkCondition
from storage.record import Record
from storage.settings import Settings
from storage.store.objects import ObjectStore
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from tests.storage.bodies import body
from tests.storage.conftest import PATH
from tests.web.conftest import Visitor
from web.operations import checks, policies, system
from web.operations.setting_words import GROUPS

Visit = Callable[[Role], Visitor]


@pytest.fixture
def request_in(app: Flask) -> Iterator[None]:
    with app.test_request_context():
        yield


def words(page: str) -> str:
    return " ".join(page.split())


def test_a_sound_system_is_said_to_be_so_line_by_line(visit: Visit, record: Record) -> None:
    record.redis.config_set("maxmemory", "512mb")
    try:
        presence.say(record.redis, "gpu@host", ["gpu"], holds=True)
        condition.swept(record.redis)
        page = words(visit(Role.AUDITOR).get("/system").text)
    finally:
        record.redis.config_set("maxmemory", "0")
    for line in (
        "stays on this machine",
        "as here, within 5 seconds",
        "refuses to write (noeviction)",
        "busy, heard 0 seconds ago",
        "of 512 MiB",
        "ended 0 seconds ago",
        "not set for this process",
    ):
        assert line in page, line


def test_what_is_not_well_says_what_to_do(visit: Visit, record: Record) -> None:
    record.redis.config_set("maxmemory-policy", "allkeys-lru")
    record.redis.config_set("appendonly", "no")
    try:
        record.redis.set(keys.SWEPT, time.time() - 10_000)
        page = words(visit(Role.APPROVER).get("/system").text)
    finally:
        record.redis.config_set("maxmemory-policy", "noeviction")
        record.redis.config_set("appendonly", "yes")
    for line in (
        "drops data, queued work too (allkeys-lru)",
        "Set maxmemory-policy noeviction.",
        "A restart of Redis loses queued work",
        "without a bound",
        "none is alive",
        "Is a worker started with -B, and alive?",
        "Not well",
    ):
        assert line in page, line


def test_tickets_that_do_not_move_and_missed_deadlines_are_counted(
    visit: Visit, record: Record, submitted: Callable[..., Ticket], monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = submitted(then=[State.APPROVED])
    submitted(then=[State.APPROVED, State.PREPARING, State.FAILED])
    record.redis.zadd(keys.DEADLINES, {stuck.id: time.time() - 60})
    monkeypatch.setattr(condition, "STUCK_SECONDS", -60)
    page = words(visit(Role.ADMIN).get("/system").text)
    assert "1 for more than a day" in page
    assert f'href="/tickets/{stuck.id}"' in page
    assert "1 open ticket" in page
    assert "They failed, were refused or lack photos" in page


def test_webhooks_that_fail_and_photos_that_stay_are_said(
    visit: Visit, record: Record, submitted: Callable[..., Ticket]
) -> None:
    ended = submitted(then=[State.DENIED])
    record.redis.zadd(keys.PHOTOS, {ended.id: time.time() - 7200})
    page = words(visit(Role.ADMIN).get("/system").text)
    assert "of 1 ended ticket" in page
    assert condition.of_work(record).webhooks_due == 2
    record.redis.zadd(keys.ANNOUNCEMENTS, {"later": time.time() + 60})
    assert condition.of_work(record).webhooks_put_off == 1


def test_a_store_that_does_not_answer_is_said_by_kind(record: Record, settings: Settings) -> None:
    gone = settings.model_copy(
        update={"s3_endpoint": f"http://127.0.0.1:{free_port()}", "s3_timeout": 1.0}
    )
    broken = Record(**{**record.__dict__, "objects": ObjectStore.from_settings(gone)})
    assert condition.of_store(broken).error == "StoreUnavailable"


@pytest.mark.usefixtures("request_in")
def test_a_redis_that_tells_nothing_of_itself_is_no_fault(
    tmp_path: Path, settings: Settings
) -> None:
    port = free_port()
    process = start_redis(tmp_path / "redis", tmp_path / "log", port, "secret")
    try:
        own = settings.model_copy(update={"redis_url": f"redis://:secret@127.0.0.1:{port}/0"})
        quiet = Record.open(own)
        quiet.redis.execute_command("ACL", "SETUSER", "default", "-info", "-time")
        found = condition.of_redis(quiet)
    finally:
        process.stop()
    assert found.error == ""
    assert found.memory is None
    assert {line.tone for line in checks.of_redis(found)} == {"good", "quiet"}


@pytest.mark.usefixtures("request_in")
@pytest.mark.parametrize(
    ("ahead", "tone"),
    [(0.4, "good"), (-30.0, "wait"), (30.0, "wait"), (1000.0, "bad"), (None, "quiet")],
)
def test_a_clock_that_is_off_is_a_doubt_and_a_quarter_of_an_hour_is_a_fault(
    ahead: float | None, tone: str
) -> None:
    assert checks.clock(ahead).tone == tone


@pytest.mark.usefixtures("request_in")
def test_plain_http_to_another_machine_and_a_full_redis_are_marked() -> None:
    store = StoreCondition(False, "", 0.9, 0.0, True, True)
    tones_of_store = [line.tone for line in checks.of_store(store)]
    assert tones_of_store == ["wait", "good", "wait", "good", "quiet"]
    full = RedisCondition(True, "", 0.0, 0.0, "7", "slave", 95, 100, "noeviction", True, False)
    tones = {line.name: line.tone for line in checks.of_redis(full)}
    assert tones["Memory"] == tones["Role"] == tones["Last write to disk"] == "bad"


@pytest.mark.usefixtures("request_in")
def test_tasks_that_nobody_takes_are_a_fault() -> None:
    settings = Settings.model_construct(sweep_seconds=30)
    lines = system._workers([], {"cpu": 3, "gpu": 0}, WorkCondition(), settings)
    tones = {line.name: line.tone for line in lines}
    assert tones == {"Workers": "bad", "Queue cpu": "bad", "Queue gpu": "quiet", "Sweep": "wait"}


def test_every_setting_has_words_and_every_word_its_setting() -> None:
    named = [name for _, found in GROUPS for name in found]
    assert sorted(named) == sorted(Settings.model_fields)


def test_settings_are_shown_with_where_they_come_from_and_no_secret(
    visit: Visit, settings: Settings
) -> None:
    audrey = visit(Role.AUDITOR)
    page = audrey.get("/settings").text
    assert "LETHE_REDIS_URL" in page
    assert settings.s3_bucket in page
    assert "set, not shown" in page
    assert settings.secret_key is not None
    for secret in (
        settings.secret_key.get_secret_value(),
        settings.s3_secret_key.get_secret_value(),
        settings.s3_access_key,
        settings.redis_url.split("@")[0].rpartition(":")[2],
    ):
        assert secret not in page
        assert secret not in audrey.get("/system").text


@pytest.mark.usefixtures("request_in")
def test_a_setting_says_whether_the_environment_gave_it(settings: Settings) -> None:
    given = settings.model_copy(
        update={"webhook_url": "https://example.org/hook?token=hidden", "four_eyes": True}
    )
    shown = {item.variable: item for _, found in policies.groups(given) for item in found}
    assert shown["LETHE_S3_BUCKET"].given
    assert not shown["LETHE_LEASE_SECONDS"].given
    assert shown["LETHE_LEASE_SECONDS"].value == "60 seconds"
    assert shown["LETHE_PHOTO_BYTES"].value == "20 MiB"
    assert shown["LETHE_FOUR_EYES"].value == "yes"
    assert shown["LETHE_WEBHOOK_URL"].value == "set, not shown"
    assert shown["LETHE_DETECTOR"].value is None


def test_the_policy_of_the_latest_certificate_is_shown_rule_by_rule(
    visit: Visit, record: Record, settings: Settings, submitted: Callable[..., Ticket]
) -> None:
    audrey = visit(Role.AUDITOR)
    assert "No ticket is completed yet." in audrey.get("/settings").text
    ticket = submitted(then=PATH[:-1])
    assert settings.signing_key_file is not None
    write_new_key(settings.signing_key_file)
    signer = Signer.from_file(settings.signing_key_file)
    record.certificates.keep(ticket.id, issue(body(ticket=ticket.id), signer), b"", signer)
    record.tickets.move(ticket.id, State.COMPLETED, "worker")
    page = words(audrey.get("/settings").text)
    assert "Policy <strong>default</strong>, version 1" in page
    assert "forgotten_tmr@1e-3" in page
    assert ">at most</span> 0.1</span>" in page
    assert "approved by hand" in page
