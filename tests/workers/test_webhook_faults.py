"""Webhooks in trouble: receivers that hang, workers that die, events that never came."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from storage import keys, names, object_names
from storage.tickets.announcements import Announcements
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from tests.workers.receiver import Receiver
from tests.workers.test_webhooks import ROOT, move, receiver, shop, submit, until, waiting
from tests.workers.workshop import Workshop
from workers.webhooks import DELAYS, _at_work, send_due, webhooks

__all__ = ["receiver", "shop"]  # fixtures


def test_a_receiver_that_hangs_delays_neither_a_ticket_nor_the_worker(
    shop: Workshop, receiver: Receiver
) -> None:
    first = submit(shop)
    receiver.open.clear()
    start = time.monotonic()
    webhooks()
    webhooks()  # the clock ticks on; one thread sends
    assert time.monotonic() - start < 1
    until(lambda: len(receiver.sent) == 1)
    start = time.monotonic()
    move(shop, first, State.APPROVED, State.PREPARING, State.QUEUED)
    assert time.monotonic() - start < 3
    assert shop.state(first.id) is State.QUEUED
    assert len(receiver.sent) == 1
    receiver.open.set()
    until(lambda: waiting(shop) == 0 and not _at_work.locked())
    assert receiver.ids() == [f"{first.id}-{number}" for number in range(1, 5)]


def test_nobody_sends_while_another_worker_does(shop: Workshop, receiver: Receiver) -> None:
    submit(shop)
    with shop.record.leases.hold("webhooks", "receiver"):
        webhooks()
        until(lambda: not _at_work.locked())
    assert (receiver.sent, waiting(shop)) == ([], 1)


def test_a_worker_killed_before_the_answer_tells_it_again_under_the_same_id(
    shop: Workshop, receiver: Receiver
) -> None:
    ticket = submit(shop)
    command = "from workers.webhooks import *; send_due(record())"
    child = subprocess.Popen([sys.executable, "-c", command], cwd=ROOT, env=dict(os.environ))
    receiver.before_answer = child.kill
    assert child.wait(30) == -9
    receiver.before_answer = lambda: None
    assert (receiver.ids(), waiting(shop)) == ([f"{ticket.id}-1"], 1)
    send_due(shop.record)
    assert (receiver.ids(), waiting(shop)) == ([f"{ticket.id}-1"] * 2, 0)


def test_an_event_is_told_though_its_writer_died_right_after_it_was_in_the_record(
    shop: Workshop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = submit(shop)

    def die(_: Ticket) -> Ticket:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(shop.record.tickets.index, "write", die)
        with pytest.raises(SystemExit):
            move(shop, ticket, State.APPROVED)
    send_due(shop.record)
    assert receiver.ids() == [f"{ticket.id}-1", f"{ticket.id}-2"]


def test_an_event_that_was_never_written_is_dropped_and_holds_nothing_up(
    shop: Workshop, receiver: Receiver
) -> None:
    announcements = Announcements(shop.record.redis)
    announcements.add(object_names.event(names.new_ticket_id(), 1, State.SUBMITTED))
    ticket = submit(shop)
    send_due(shop.record)
    assert (receiver.ids(), waiting(shop)) == ([f"{ticket.id}-1"], 1)
    name = str(shop.record.redis.zrange(keys.ANNOUNCEMENTS, 0, 0)[0])
    for _ in DELAYS:
        shop.record.redis.zadd(keys.ANNOUNCEMENTS, {name: time.time()})
        send_due(shop.record)
    assert (len(receiver.sent), waiting(shop)) == (1, 0)


def test_an_altered_event_is_not_told_and_holds_nothing_up(
    shop: Workshop, receiver: Receiver
) -> None:
    altered, sound = submit(shop), submit(shop)
    name = object_names.event(altered.id, 1, State.SUBMITTED)
    shop.record.objects.put(name, shop.record.objects.get(name).replace(b"submitted", b"completed"))
    send_due(shop.record)
    assert (receiver.ids(), waiting(shop)) == ([f"{sound.id}-1"], 1)
