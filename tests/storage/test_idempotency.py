"""Idempotency keys: who is the first under one, and knows it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from storage import keys
from storage.record import Record
from storage.store.objects import StoreUnavailable
from storage.tickets.idempotency import (
    RUN_SECONDS,
    Attempt,
    Idempotency,
    KeyReused,
    StillRunning,
)


@pytest.fixture
def attempts(record: Record) -> Idempotency:
    return Idempotency(record.redis)


def test_only_whoever_begins_under_a_key_is_the_first(attempts: Idempotency):
    with attempts.attempt("ada", "k", "a") as first:
        assert first.is_first()
        with pytest.raises(StillRunning), attempts.attempt("ada", "k", "a"):
            pass
    with attempts.attempt("ada", "k", "a") as again:
        assert again == Attempt(first.ticket, done=True)
        assert not again.is_first()


def test_after_one_that_died_nobody_is_the_first(attempts: Idempotency):
    with pytest.raises(StoreUnavailable), attempts.attempt("ada", "k", "a") as first:
        raise StoreUnavailable("its answer was lost, and its event may be written")
    with attempts.attempt("ada", "k", "a") as again:
        assert (again.ticket, again.done, again.is_first()) == (first.ticket, False, False)


def test_one_that_runs_for_too_long_is_not_the_first_any_more(attempts: Idempotency):
    with attempts.attempt("ada", "k", "a") as first:
        assert first.is_first()
        begun_earlier = replace(first, alone_until=first.alone_until - RUN_SECONDS)
        assert not begun_earlier.is_first()  # somebody may have taken it for dead


def test_whoever_comes_with_something_else_leaves_the_key_to_those_it_belongs_to(
    attempts: Idempotency, record: Record
):
    with pytest.raises(StoreUnavailable), attempts.attempt("ada", "k", "a"):
        raise StoreUnavailable("gone")
    with pytest.raises(KeyReused), attempts.attempt("ada", "k", "b"):
        pass
    (place,) = record.redis.keys(keys.idempotency("*"))
    assert json.loads(str(record.redis.get(place)))["fingerprint"] == "a"
    with attempts.attempt("ada", "k", "a") as again:
        assert not again.done
