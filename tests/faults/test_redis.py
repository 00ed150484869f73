"""Redis killed, emptied, full, read-only or slow: the record keeps the ticket, which goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

import storage.queue
from lethe.stack.process import free_port
from storage import names
from storage.models.registry import Version
from storage.queue import CPU, Queue
from storage.record import QueueUnavailable, Record
from storage.settings import Settings
from storage.tickets.desk import Desk
from storage.tickets.states import State
from storage.tickets.strays import Strays, walk
from storage.tickets.ticket import Ticket
from tests.faults.redis_server import RedisServer
from tests.storage import pictures
from tests.storage.conftest import MODEL, request_for

GONE = 5.0  # seconds until a Redis that refuses connections is given up, on a busy machine


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def kept(settings: Settings, server: RedisServer, publish: Callable[..., Version]) -> Record:
    """A record with one model, whose Redis is the test's own."""
    publish()  # through the session's Redis
    kept = Record.open(settings.model_copy(update={"redis_url": server.url}))
    kept.models.register(MODEL)
    return kept


@pytest.fixture
def desk(kept: Record) -> Desk:
    return Desk(kept, Queue(kept.settings))


def _submit(desk: Desk) -> Ticket:
    return desk.submit(request_for(), pictures.photos(3), "ada")


def _refused(work: Callable[[], object]) -> str:
    with pytest.raises(QueueUnavailable, match=r"^Redis at 127\.0\.0\.1 ") as error:
        work()
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


def _goes_on(kept: Record, desk: Desk, ticket: str) -> None:
    """Approved and in the queue once, with its photos, in a ledger that is whole."""
    assert desk.approve(ticket, "grace").state is State.APPROVED
    assert Queue(kept.settings).length(CPU) == 1
    assert kept.tickets.waiting(MODEL, State.APPROVED) == [ticket]
    assert kept.tickets.get(ticket) == kept.tickets.load(ticket)
    assert kept.photos.all(ticket) == pictures.photos(3)
    assert kept.ledger.verify().broken == ()


def test_a_redis_that_is_killed_comes_back_with_its_index_and_the_ticket_goes_on(
    kept: Record, desk: Desk, server: RedisServer
):
    ticket = _submit(desk)
    server.kill()
    start = time.monotonic()
    assert "does not answer" in _refused(lambda: desk.approve(ticket.id, "grace"))
    assert time.monotonic() - start < GONE
    assert kept.tickets.load(ticket.id) == ticket
    server.start()
    assert kept.tickets.recent() == [ticket]
    _goes_on(kept, desk, ticket.id)


def test_a_redis_that_comes_back_empty_is_filled_from_the_record(
    kept: Record, desk: Desk, server: RedisServer
):
    ticket = _submit(desk)
    server.kill()
    server.lose_data()
    server.start()
    assert kept.tickets.recent() == []
    assert kept.models.all() == []
    assert kept.tickets.get(ticket.id) == ticket
    assert kept.ledger.rebuild().broken == ()
    assert kept.tickets.recent() == [ticket]
    assert [model.name for model in kept.models.all()] == [MODEL]
    _goes_on(kept, desk, ticket.id)


def test_a_ticket_submitted_while_redis_is_down_is_accepted_and_a_sweep_puts_it_into_the_index(
    kept: Record, desk: Desk, server: RedisServer
):
    server.kill()
    start = time.monotonic()
    with capture_logs() as logs:
        ticket = _submit(desk)
    assert time.monotonic() - start < 2 * GONE  # the announcement and the index are given up
    assert [entry["event"] for entry in logs] == ["written, not indexed"]
    assert kept.tickets.recorded() == [ticket.id]
    assert kept.tickets.load(ticket.id) == ticket
    server.start()
    assert kept.tickets.recent() == []
    assert walk(kept) == Strays(indexed=(ticket.id,), removed=(), broken=())
    assert kept.tickets.recent() == [ticket]
    assert walk(kept) == Strays((), (), ())
    _goes_on(kept, desk, ticket.id)


def test_a_redis_that_comes_back_empty_is_filled_by_sweeps_alone(
    kept: Record, desk: Desk, server: RedisServer
):
    tickets = {_submit(desk).id for _ in range(5)}
    server.kill()
    server.lose_data()
    server.start()
    found = [walk(kept, page=2) for _ in range(3)]  # a bounded piece of work each
    assert [len(strays.indexed) for strays in found] == [2, 2, 1]
    assert {ticket.id for ticket in kept.tickets.recent()} == tickets
    assert [model.name for model in kept.models.all()] == [MODEL]
    _goes_on(kept, desk, min(tickets))


def _full(server: RedisServer) -> None:
    with server.asked() as redis:
        assert redis.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        redis.config_set("maxmemory", "1")


def _replica(server: RedisServer) -> None:
    with server.asked() as redis:
        redis.execute_command("REPLICAOF", "127.0.0.1", str(free_port()))


def _as_it_was(server: RedisServer) -> None:
    with server.asked() as redis:
        redis.config_set("maxmemory", "0")
        redis.execute_command("REPLICAOF", "NO", "ONE")


@pytest.mark.parametrize(
    ("fault", "line"), [(_full, "is full"), (_replica, "is a read-only replica")]
)
def test_a_redis_that_takes_no_writes_loses_no_ticket_and_says_what_to_do(
    kept: Record,
    desk: Desk,
    server: RedisServer,
    fault: Callable[[RedisServer], None],
    line: str,
):
    ticket = _submit(desk)
    fault(server)
    assert line in _refused(lambda: desk.approve(ticket.id, "grace"))
    assert line in _refused(lambda: _lease(kept))
    second = _submit(desk)
    assert kept.tickets.recent() == [ticket] == [kept.tickets.load(ticket.id)]
    _as_it_was(server)
    assert walk(kept).indexed == (second.id,)
    assert {found.id for found in kept.tickets.recent()} == {ticket.id, second.id}
    assert kept.ledger.verify().broken == ()
    _goes_on(kept, desk, ticket.id)


def _lease(kept: Record) -> None:
    with kept.leases.hold("model", MODEL) as lease:
        assert lease is not None


def test_the_queue_says_that_it_took_nothing_when_redis_takes_no_writes(
    kept: Record, server: RedisServer
):
    """The sweep sends it again: `False` and no error, for the ticket is in the record."""
    queue, ticket = Queue(kept.settings), names.new_ticket_id()
    for fault in (_full, _replica):
        fault(server)
        assert queue.prepare(ticket) is False
        _as_it_was(server)
    assert queue.prepare(ticket) is True
    assert queue.length(CPU) == 1


def test_sending_to_a_redis_that_hangs_is_given_up_and_said_in_one_line(
    kept: Record, server: RedisServer, monkeypatch: pytest.MonkeyPatch
):
    for what in ("socket_timeout", "socket_connect_timeout"):
        monkeypatch.setitem(storage.queue._SENDING, what, 0.3)
    warm, cold, ticket = Queue(kept.settings), Queue(kept.settings), names.new_ticket_id()
    assert warm.prepare(ticket) is True
    server.freeze()
    start = time.monotonic()
    with capture_logs() as logs:
        assert warm.prepare(ticket) is False
        assert warm.prepare(ticket) is False
        assert cold.erase(MODEL) is False
    assert "TimeoutError" in _refused(lambda: cold.length(CPU))
    assert time.monotonic() - start < 4 * 2 * 0.3 + GONE
    assert [entry["event"] for entry in logs] == ["not sent; the sweep will"] * 3
    for entry in logs:
        assert entry["why"].startswith("Redis at 127.0.0.1 ")
        assert len(entry["why"].splitlines()) == 1
        assert kept.settings.redis_url not in str(entry)
    server.thaw()
    assert warm.prepare(ticket) is True
    assert cold.erase(MODEL) is True


def test_a_redis_that_hangs_for_a_while_delays_and_loses_nothing(
    kept: Record, desk: Desk, server: RedisServer
):
    server.freeze()
    threading.Timer(1.0, server.thaw).start()
    start = time.monotonic()
    ticket = _submit(desk)
    assert time.monotonic() - start > 0.8
    assert kept.tickets.recent() == [ticket] == [kept.tickets.load(ticket.id)]
    _goes_on(kept, desk, ticket.id)


def test_a_redis_that_hangs_for_good_is_given_up_with_one_line(
    settings: Settings, kept: Record, server: RedisServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("storage.record.REDIS_SECONDS", 0.3)
    hasty = Record.open(settings.model_copy(update={"redis_url": server.url}))
    ticket = _submit(Desk(hasty, Queue(hasty.settings)))
    server.freeze()
    start = time.monotonic()
    assert "does not answer" in _refused(lambda: hasty.tickets.get(ticket.id))
    assert time.monotonic() - start < 5 * 0.3 + GONE  # asked five times
    server.thaw()
    assert hasty.tickets.get(ticket.id) == ticket == kept.tickets.load(ticket.id)


def test_a_redis_that_loses_its_data_while_a_ticket_moves_does_not_fail_the_move(
    kept: Record, desk: Desk, server: RedisServer, monkeypatch: pytest.MonkeyPatch
):
    ticket = _submit(desk)
    put = kept.objects.put_document

    def losing(name: str, document: dict[str, object]) -> str:
        with server.asked() as redis:
            redis.flushall()
        return put(name, document)

    monkeypatch.setattr(kept.objects, "put_document", losing)
    assert kept.tickets.move(ticket.id, State.APPROVED, "grace").state is State.APPROVED
