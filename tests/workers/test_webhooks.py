"""Webhooks: every change of a ticket's state is told, signed, at least once, and delays nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from pydantic import SecretStr

from lethe.stack.process import Process
from storage import keys, names, object_names
from storage.models.registry import Model
from storage.queue import CPU
from storage.settings import Settings
from storage.tickets.announcements import KEPT_SECONDS
from storage.tickets.events import Notice
from storage.tickets.request import LegalGround, Request
from storage.tickets.states import State
from storage.tickets.strays import walk
from storage.tickets.ticket import Ticket
from tests.workers.receiver import Receiver, Sent, receiving
from tests.workers.workshop import MODEL, SUBJECT, Workshop, forget_connections, opened
from workers.app import _clock
from workers.webhooks import DELAYS, send_due

ROOT = Path(__file__).parents[2]
KEY = secrets.token_bytes(32)
SECRET = "whsec_" + base64.b64encode(KEY).decode()
SOON = (0.0, 0.0, 0.0)  # seconds between attempts
ACTOR, NOTE = "grace.hopper", "the letter of 3 May"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def shop(
    settings: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workshop]:
    """A record whose workers tell the receiver."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    given = {"webhook_url": receiver.url, "webhook_secret": SecretStr(SECRET)}
    with opened(settings.model_copy(update=given)) as shop:
        monkeypatch.setenv("LETHE_WEBHOOK_URL", receiver.url)
        monkeypatch.setenv("LETHE_WEBHOOK_SECRET", SECRET)
        forget_connections()
        yield shop


def submit(shop: Workshop) -> Ticket:
    request = Request(MODEL, SUBJECT, LegalGround.CONSENT_WITHDRAWN, date(2030, 1, 31), 3)
    return shop.record.tickets.submit(names.new_ticket_id(), request, ACTOR, {})


def move(shop: Workshop, ticket: Ticket, *states: State) -> None:
    for state in states:
        shop.record.tickets.move(ticket.id, state, ACTOR, note=NOTE, result={"photos": 3})


def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def waiting(shop: Workshop) -> int:
    return int(shop.record.redis.zcard(keys.ANNOUNCEMENTS))


def documented() -> Callable[[str, dict[str, str], bytes], dict[str, object]]:
    """The receiver's function as docs/operators.md gives it."""
    text = (ROOT / "docs" / "operators.md").read_text()
    block = text.split("## Webhooks")[1].split("```python\n")[1].split("```")[0]
    found: dict[str, Callable[[str, dict[str, str], bytes], dict[str, object]]] = {}
    exec(block, found)  # noqa: S102 - our own documentation
    return found["verified"]


def signature(one: Sent) -> str:
    signed = b".".join(
        [one.headers["webhook-id"].encode(), one.headers["webhook-timestamp"].encode(), one.body]
    )
    return "v1," + base64.b64encode(hmac.digest(KEY, signed, hashlib.sha256)).decode()


def test_every_change_is_told_once_in_order_and_signed(shop: Workshop, receiver: Receiver) -> None:
    ticket = submit(shop)
    move(shop, ticket, State.APPROVED, State.PREPARING, State.NEEDS_PHOTOS, State.DENIED)
    send_due(shop.record)
    send_due(shop.record)
    assert receiver.ids() == [f"{ticket.id}-{number}" for number in range(1, 6)]
    assert waiting(shop) == 0
    told = [json.loads(one.body) for one in receiver.sent]
    states = ["submitted", "approved", "preparing", "needs_photos", "denied"]
    assert [one["type"] for one in told] == [f"ticket.{state}" for state in states]
    for one, event in zip(receiver.sent, shop.record.tickets.events(ticket.id), strict=True):
        assert one.headers["webhook-signature"] == signature(one)
        assert abs(int(one.headers["webhook-timestamp"]) - time.time()) < 60
        assert documented()(SECRET, one.headers, one.body)["timestamp"] == event.at


def test_a_message_holds_nothing_of_the_subject_of_people_or_of_reasons(
    shop: Workshop, receiver: Receiver
) -> None:
    ticket = submit(shop)
    move(shop, ticket, State.DENIED)
    send_due(shop.record)
    for one, state in zip(receiver.sent, ("submitted", "denied"), strict=True):
        event = json.loads(one.body)
        days = (date(2030, 1, 31) - date.fromisoformat(event["timestamp"][:10])).days
        assert event == {
            "type": f"ticket.{state}",
            "timestamp": event["timestamp"],
            "data": {
                "id": one.headers["webhook-id"],
                "ticket": ticket.id,
                "number": 1 if state == "submitted" else 2,
                "model": MODEL,
                "state": state,
                "at": event["timestamp"],
                "days_left": days,
            },
        }
        whole = f"{one.headers} {one.body.decode()}"
        for kept in (SUBJECT, ACTOR, NOTE, "consent", SECRET):
            assert kept not in whole


@pytest.mark.parametrize("change", ["body", "webhook-id", "webhook-timestamp", "secret", "age"])
def test_the_documented_check_refuses_what_was_altered_or_is_old(
    shop: Workshop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    submit(shop)
    send_due(shop.record)
    (one,) = receiver.sent
    secret, headers, body = SECRET, dict(one.headers), one.body
    if change == "body":
        body = body.replace(b"submitted", b"completed")
    elif change == "secret":
        secret = "whsec_" + base64.b64encode(bytes(32)).decode()
    elif change == "age":
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 600)
    else:
        headers[change] = headers[change][:-1] + ("0" if headers[change][-1] != "0" else "1")
    with pytest.raises(ValueError, match="not from Lethe"):
        documented()(secret, headers, body)


@pytest.mark.parametrize("answer", [500, 503, 429, 404, 302, 300])
def test_any_other_answer_than_2xx_is_told_again_with_the_same_id_and_body(
    shop: Workshop, receiver: Receiver, answer: int
) -> None:
    submit(shop)
    receiver.answers = [answer]
    send_due(shop.record, SOON)
    assert (len(receiver.sent), waiting(shop)) == (1, 1)
    send_due(shop.record, SOON)
    first, again = receiver.sent
    assert waiting(shop) == 0
    assert (first.headers["webhook-id"], first.body) == (again.headers["webhook-id"], again.body)
    assert again.headers["webhook-signature"] == signature(again)


def test_attempts_are_further_and_further_apart_and_end(shop: Workshop, receiver: Receiver) -> None:
    (name,) = [event.name for event in shop.record.tickets.events(submit(shop).id)]
    receiver.answers = [500] * 20
    redis, waits = shop.record.redis, []
    for _ in range(len(DELAYS)):
        send_due(shop.record)
        waits.append(float(redis.zscore(keys.ANNOUNCEMENTS, name)) - time.time())
        count = len(receiver.sent)
        send_due(shop.record)
        assert len(receiver.sent) == count  # not due yet
        redis.zadd(keys.ANNOUNCEMENTS, {name: time.time()})
    assert waits == sorted(waits)
    assert all(0.9 * low < wait < 1.3 * low for low, wait in zip(DELAYS, waits, strict=True))
    assert max(waits) < KEPT_SECONDS
    send_due(shop.record)
    assert waiting(shop) == 0
    assert len(receiver.sent) == len(DELAYS) + 1
    assert list(redis.scan_iter("lethe:announcements*")) == []


def test_one_failure_ends_the_look_so_a_dead_receiver_is_asked_once(
    shop: Workshop, receiver: Receiver
) -> None:
    for _ in range(5):
        submit(shop)
    receiver.answers = [500] * 5
    send_due(shop.record)
    assert (len(receiver.sent), waiting(shop)) == (1, 5)


def test_a_redirect_is_not_followed(shop: Workshop, receiver: Receiver) -> None:
    with receiving() as elsewhere:
        receiver.answers, receiver.location = [307], elsewhere.url
        submit(shop)
        send_due(shop.record)
        assert (len(receiver.sent), elsewhere.sent, waiting(shop)) == (1, [], 1)


def test_the_answers_body_is_not_read(shop: Workshop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        kept = shop.record.settings.model_copy(update={"webhook_url": url})
        submit(shop)
        script = (
            "import socket, sys, time; c, _ = socket.socket(fileno=int(sys.argv[1])).accept()\n"
            "c.recv(65536); c.sendall(b'HTTP/1.1 200 OK\\r\\n\\r\\n')\n"
            "for _ in range(80): c.sendall(b'x' * 1024); time.sleep(0.1)"
        )
        command = [sys.executable, "-c", script, str(server.fileno())]
        child = subprocess.Popen(command, pass_fds=[server.fileno()], stderr=subprocess.DEVNULL)
        try:
            start = time.monotonic()
            send_due(type(shop.record).open(kept))
            assert time.monotonic() - start < 5
        finally:
            child.kill()
            child.wait()
    assert waiting(shop) == 0


def test_what_nobody_sends_is_forgotten_in_the_end(shop: Workshop) -> None:
    old = object_names.event(names.new_ticket_id(), 1, State.SUBMITTED)
    shop.record.redis.zadd(keys.ANNOUNCEMENTS, {old: time.time() - KEPT_SECONDS - 1})
    ticket = submit(shop)
    kept = shop.record.redis.zrange(keys.ANNOUNCEMENTS, 0, -1)
    assert kept == [object_names.event(ticket.id, 1, State.SUBMITTED)]


def test_no_log_line_names_the_receivers_url_or_the_secret(
    shop: Workshop, receiver: Receiver, capfd: pytest.CaptureFixture[str]
) -> None:
    submit(shop)
    receiver.answers = [500]
    send_due(shop.record, SOON)
    nobody = {"webhook_url": "http://127.0.0.1:9/lethe?token=kept-quiet"}
    kept = shop.record.settings.model_copy(update=nobody)
    send_due(type(shop.record).open(kept), SOON)
    send_due(shop.record, SOON)
    told = "".join(capfd.readouterr())
    assert "answered 500" in told
    assert "no answer (ConnectionError)" in told
    for quiet in ("kept-quiet", SECRET, SUBJECT):
        assert quiet not in told


def test_a_real_worker_with_its_clock_tells_of_a_ticket(
    shop: Workshop, receiver: Receiver, tmp_path: Path
) -> None:
    celery = str(Path(sys.executable).with_name("celery"))
    command = [celery, "-A", "workers.app", "worker", "-Q", CPU, "-B", "-s", str(tmp_path / "beat")]
    given = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    ticket = submit(shop)
    worker = Process.start("worker", command, tmp_path / "worker.log", env=given)
    try:
        until(lambda: receiver.ids() == [f"{ticket.id}-1"], 60)
        until(lambda: waiting(shop) == 0)
    finally:
        worker.stop(0.1)
    assert "kept-quiet" not in worker.log.read_text()


def test_the_clock_ticks_for_webhooks_only_where_they_are_set(
    shop: Workshop, settings: Settings
) -> None:
    assert len(_clock(shop.settings)) == len(_clock(settings)) + 1


def test_a_notice_is_told_under_its_own_type_and_says_the_state_that_stays(
    shop: Workshop, receiver: Receiver
) -> None:
    ticket = submit(shop)
    shop.record.tickets.note(ticket.id, Notice.DEADLINE_NEAR, "clock", {"note": NOTE})
    send_due(shop.record)
    told = json.loads(receiver.sent[-1].body)
    assert told["type"] == "ticket.deadline_near"
    assert (told["data"]["state"], told["data"]["number"]) == ("submitted", 2)
    assert NOTE not in receiver.sent[-1].body.decode()


def test_a_ticket_that_was_submitted_while_redis_was_away_is_told_when_the_sweep_finds_it(
    shop: Workshop, receiver: Receiver
) -> None:
    shop.record.models.create(Model(MODEL, "reference", "benchmark"))
    ticket = submit(shop)
    shop.record.redis.flushall()
    send_due(shop.record)
    assert receiver.sent == []
    assert walk(shop.record).indexed == (ticket.id,)
    send_due(shop.record)
    assert receiver.ids() == [f"{ticket.id}-1"]
