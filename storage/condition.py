"""In which condition everything is that Lethe stands on: what the store, Redis and workers say."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from redis import Redis
from redis.exceptions import RedisError

from storage import keys, object_names
from storage.errors import LetheError
from storage.loopback import is_loopback
from storage.record import Record
from storage.store.objects import ObjectStore
from storage.tickets import retention
from storage.tickets.states import State
from storage.tickets.ticket_search import Order

STUCK_SECONDS = 24 * 3600  # a ticket in work that nothing moved for so long is looked at by nobody
LOOKED_AT = 200  # tickets of a state, the earliest; all the others came later
IN_WORK = (
    State.APPROVED,
    State.PREPARING,
    State.QUEUED,
    State.UNLEARNING,
    State.CERTIFYING,
    State.PUBLISHING,
)
WAITING = (State.FAILED, State.NEEDS_REVIEW, State.NEEDS_PHOTOS)  # for somebody to do something
# Of the earliest tickets of each list those that came into their state before a time.
# KEYS: when each ticket changed, lists. ARGV: how many of a list, seconds since the epoch.
_STUCK = """
local found = {}
for place = 2, #KEYS do
  for _, id in ipairs(redis.call('zrange', KEYS[place], 0, ARGV[1] - 1)) do
    local at = redis.call('zscore', KEYS[1], id)
    if at and tonumber(at) < tonumber(ARGV[2]) then found[#found + 1] = id end
  end
end
return found
"""


@dataclass(frozen=True)
class StoreCondition:
    """What could not be asked is None."""

    encrypted: bool | None  # the connection; None: it does not leave this machine
    error: str = ""  # the kind of it; "" where the store answers
    seconds: float | None = None  # that an answer takes
    ahead: float | None = None  # seconds that its clock is ahead of ours; it tells whole ones
    conditional: bool | None = None
    versioned: bool | None = None


@dataclass(frozen=True)
class RedisCondition:
    """What could not be asked is None: some providers do not tell."""

    encrypted: bool | None
    error: str = ""
    seconds: float | None = None
    ahead: float | None = None
    version: str | None = None
    role: str | None = None  # master or slave, in its own words
    memory: int | None = None  # bytes
    most_memory: int | None = None  # 0: no bound but the machine's
    eviction: str | None = None
    append_only: bool | None = None
    writes_well: bool | None = None  # the last one to its disk
    evicted: int | None = None  # keys dropped since it started


@dataclass(frozen=True)
class WorkCondition:
    swept: float | None = None  # seconds since the last sweep ended; None: not since Redis is new
    webhooks_due: int = 0  # and not sent yet
    webhooks_put_off: int = 0  # after a failure
    photos_overdue: int = 0
    deadlines_missed: int = 0  # by tickets that are still open
    stuck: tuple[str, ...] = ()  # tickets in work that did not move for STUCK_SECONDS
    waiting: dict[State, int] = field(default_factory=dict)  # failed, or to be reviewed by people


def of_store(record: Record) -> StoreCondition:
    encrypted = _encrypted(record.settings.s3_endpoint)
    objects = record.objects
    try:
        conditional = objects.conditional  # writes the probe where it is not there
        began = time.monotonic()
        ahead = _ahead(objects)
        seconds = time.monotonic() - began
        return StoreCondition(encrypted, "", seconds, ahead, conditional, objects.versioned)
    except LetheError as error:
        return StoreCondition(encrypted, type(error).__name__)


def of_redis(record: Record) -> RedisCondition:
    encrypted = _encrypted(record.settings.redis_url)
    redis = record.redis
    try:
        began = time.monotonic()
        redis.ping()
        seconds = time.monotonic() - began
        told = _info(redis)
    except RedisError as error:
        return RedisCondition(encrypted, type(error).__name__)
    append_only = told.get("aof_enabled")
    written = told.get("aof_last_write_status" if append_only else "rdb_last_bgsave_status")
    return RedisCondition(
        encrypted,
        "",
        seconds,
        _redis_ahead(redis),
        told.get("valkey_version") or told.get("redis_version"),
        told.get("role"),
        told.get("used_memory"),
        told.get("maxmemory"),
        told.get("maxmemory_policy"),
        None if append_only is None else bool(append_only),
        None if written is None else written == "ok",
        told.get("evicted_keys"),
    )


def of_work(record: Record) -> WorkCondition:
    """
    Raises:
        QueueUnavailable
    """
    redis, now, counts = record.redis, time.time(), record.tickets.by_state()
    swept = redis.get(keys.SWEPT)
    return WorkCondition(
        swept=max(now - float(swept), 0.0) if swept else None,
        webhooks_due=int(redis.zcount(keys.ANNOUNCEMENTS, "-inf", now)),
        webhooks_put_off=int(redis.zcount(keys.ANNOUNCEMENTS, f"({now}", "+inf")),
        photos_overdue=retention.overdue(record),
        deadlines_missed=int(redis.zcount(keys.DEADLINES, "-inf", now)),
        stuck=tuple(stuck(record)),
        waiting={state: counts[state] for state in WAITING},
    )


def swept(redis: Redis) -> None:
    """Says that a sweep came to its end just now."""
    redis.set(keys.SWEPT, time.time())


def stuck(record: Record) -> list[str]:
    """Tickets in work that did not move for STUCK_SECONDS."""
    lists = [keys.listing(None, state) for state in IN_WORK]
    changed, last = keys.ordered(Order.CHANGED, archived=False), time.time() - STUCK_SECONDS
    found: Any = record.redis.eval(_STUCK, 1 + len(lists), changed, *lists, LOOKED_AT, last)
    return [str(ticket) for ticket in found]


def _ahead(objects: ObjectStore) -> float | None:
    """Asks the store for its time, between two looks at our own."""
    before = time.time()
    told = objects.date(object_names.PROBE)
    middle = (before + time.time()) / 2
    try:
        # A second that is cut off is half a second early, on average.
        return parsedate_to_datetime(told or "").timestamp() + 0.5 - middle
    except ValueError:
        return None


def _redis_ahead(redis: Redis) -> float | None:
    before = time.time()
    told: Any = _told(redis.time)
    if told is None:
        return None
    return float(told[0]) + float(told[1]) / 1e6 - (before + time.time()) / 2


def _info(redis: Redis) -> dict[str, Any]:
    return _told(redis.info) or {}


def _told(ask: Callable[[], Any]) -> Any:
    """What it answers; None where it refuses to."""
    try:
        return ask()
    except RedisError:
        return None


def _encrypted(url: str) -> bool | None:
    parts = urlsplit(url)
    if parts.scheme in {"https", "rediss"}:
        return True
    return None if is_loopback(parts.hostname or "") else False
