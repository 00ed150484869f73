"""Leases: one holder at a time, tokens that only rise, and a holder who came too late stops."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from storage.leases import LeaseLost, Leases
from storage.record import Record
from storage.settings import Settings

_HOLDER = """
import sys
from redis import Redis
from storage.leases import LeaseLost, Leases
leases = Leases(Redis.from_url(sys.argv[1], decode_responses=True), 0.5)
with leases.hold("model", "door") as lease:
    print(lease.token, flush=True)
    sys.stdin.readline()
    try:
        lease.check()
        print("still mine", flush=True)
    except LeaseLost as error:
        print(error, flush=True)
"""


@pytest.fixture
def leases(record: Record) -> Leases:
    return Leases(record.redis, 10)


def test_two_holders_never_both_hold(leases: Leases):
    with leases.hold("model", "door") as first:
        assert first is not None
        with leases.hold("model", "door") as second:
            assert second is None
        first.check()
        assert leases.held("model", "door")
    assert not leases.held("model", "door")


def test_of_many_who_ask_at_the_same_time_one_gets_it(leases: Leases):
    start, end = Barrier(8), Barrier(8)

    def ask(_: int) -> bool:
        start.wait()
        with leases.hold("model", "door") as lease:
            end.wait()
            return lease is not None

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(8))) == 1


def test_leases_of_other_names_and_kinds_are_others(leases: Leases):
    with (
        leases.hold("model", "door") as door,
        leases.hold("model", "gate") as gate,
        leases.hold("ticket", "door") as ticket,
    ):
        for lease in (door, gate, ticket):
            assert lease is not None
            lease.check()


def test_tokens_rise_also_after_redis_lost_its_data(record: Record, leases: Leases):
    tokens = []
    for round_ in range(60):
        with leases.hold("model", "door") as lease:
            assert lease is not None
            tokens.append(lease.token)
        if round_ % 2:
            record.redis.flushall()
    assert tokens == sorted(set(tokens))


def test_tokens_rise_when_the_clock_of_redis_has_stepped_back(record: Record, leases: Leases):
    ahead = int(time.time() + 3600) * 1_000_000
    record.redis.set("lethe:fence:model:door", ahead)
    with leases.hold("model", "door") as lease:
        assert lease is not None
        assert lease.token == ahead + 1
        lease.check()


def test_a_heartbeat_keeps_a_lease_far_beyond_its_seconds(record: Record):
    leases = Leases(record.redis, 0.3)
    with leases.hold("model", "door") as lease:
        assert lease is not None
        time.sleep(1.0)
        lease.check()
        with leases.hold("model", "door") as other:
            assert other is None


def test_a_released_lease_no_longer_counts(leases: Leases):
    with leases.hold("model", "door") as lease:
        assert lease is not None
    with pytest.raises(LeaseLost, match="model door was lost"):
        lease.check()


def test_a_lease_is_released_when_the_work_fails(leases: Leases):
    with pytest.raises(ZeroDivisionError), leases.hold("model", "door"):
        raise ZeroDivisionError
    assert not leases.held("model", "door")


def test_only_the_holder_s_own_lease_is_released(record: Record, leases: Leases):
    with leases.hold("model", "door") as late:
        assert late is not None
        record.redis.delete("lethe:lease:model:door")  # it ran out
        with leases.hold("model", "door") as newer:
            assert newer is not None
            with pytest.raises(LeaseLost):
                late.check()
            late.release()
            newer.check()


def test_a_lease_lost_with_the_data_of_redis_no_longer_counts(record: Record, leases: Leases):
    with leases.hold("model", "door") as lease:
        assert lease is not None
        record.redis.flushall()
        with pytest.raises(LeaseLost):
            lease.check()


def test_a_holder_that_slept_past_its_lease_is_refused(record: Record, settings: Settings):
    command = [sys.executable, "-c", _HOLDER, settings.redis_url]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        token = int(holder.stdout.readline())
        holder.send_signal(signal.SIGSTOP)
        time.sleep(0.7)
        with Leases(record.redis, 10).hold("model", "door") as mine:
            assert mine is not None
            assert mine.token > token
            holder.send_signal(signal.SIGCONT)
            holder.stdin.write("go on\n")
            holder.stdin.flush()
            assert "model door was lost" in holder.stdout.readline()
            assert holder.wait(10) == 0
            mine.check()
