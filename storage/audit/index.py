"""The audit log's index in Redis: its end, and which entries are of whom, of what, of which day.

``lethe ledger rebuild`` makes it anew. What it lacks is not lost: the record has the entries.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from redis import Redis

from storage import keys
from storage.audit.entry import Entry

# One entry into the index, at once. Two processes may come in any order: the end never goes back,
# and a day reaches from the lowest to the highest number that it was seen to have.
# KEYS: last, from, days' firsts, days' lasts, actors, lists. ARGV: number, last, day, actor.
_ADD = """
local number = tonumber(ARGV[1])
local last = redis.call('get', KEYS[1])
if not last then redis.call('set', KEYS[2], number) end
if not last or cjson.decode(last).number < number then redis.call('set', KEYS[1], ARGV[2]) end
redis.call('zadd', KEYS[3], 'LT', number, ARGV[3])
redis.call('zadd', KEYS[4], 'GT', number, ARGV[3])
redis.call('sadd', KEYS[5], ARGV[4])
for place = 6, #KEYS do redis.call('zadd', KEYS[place], number, ARGV[1]) end
"""


@dataclass(frozen=True)
class End:
    """Where the log ends."""

    number: int
    digest: str | None  # None: nothing is there that could be read


@dataclass(frozen=True)
class Filter:
    """Which entries are wanted; what is None is not asked about."""

    actor: str | None = None
    act: str | None = None
    day: date | None = None

    def fits(self, entry: Entry) -> bool:
        """Whether an entry is of the day; of whom and of what the lists know for certain."""
        return self.day is None or entry.day == self.day.isoformat()


class AuditIndex:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def end(self) -> End | None:
        found = self._redis.get(keys.AUDIT_LAST)
        return End(**json.loads(str(found))) if found else None

    def add(self, entry: Entry) -> None:
        end = End(entry.number, entry.digest)
        lists = [
            keys.audit_listing(actor, act)
            for actor, act in ((entry.actor, None), (None, entry.act), (entry.actor, entry.act))
        ]
        days = (keys.AUDIT_DAYS, keys.AUDIT_DAYS_END)
        places = [keys.AUDIT_LAST, keys.AUDIT_FROM, *days, keys.AUDIT_ACTORS, *lists]
        given = [str(entry.number), json.dumps(asdict(end)), entry.day, entry.actor]
        self._redis.eval(_ADD, len(places), *places, *given)

    def skip_to(self, number: int) -> None:
        """Says that what is before ``number`` may not be in the index."""
        self._redis.set(keys.AUDIT_FROM, number)

    def begins(self) -> int | None:
        """From which number on the index has every entry; None where it has none."""
        found = self._redis.get(keys.AUDIT_FROM)
        return int(found) if found else None

    def numbers(self, wanted: Filter, before: int | None, limit: int) -> list[int]:
        """The newest first, of those whose number is below ``before``."""
        end = self.end()
        first, last = self._span(wanted.day) if wanted.day else (1, end.number if end else 0)
        last = last if before is None else min(last, before - 1)
        if wanted.actor is None and wanted.act is None:
            return list(range(last, max(first, last - limit + 1) - 1, -1))
        found: Any = self._redis.zrevrangebyscore(
            keys.audit_listing(wanted.actor, wanted.act), last, first, start=0, num=limit
        )
        return [int(number) for number in found]

    def _span(self, day: date) -> tuple[int, int]:
        """The lowest and the highest number of a day; (1, 0) where it has none."""
        first = self._redis.zscore(keys.AUDIT_DAYS, day.isoformat())
        last = self._redis.zscore(keys.AUDIT_DAYS_END, day.isoformat())
        return (1, 0) if first is None or last is None else (int(first), int(last))

    def actors(self, limit: int) -> list[str]:
        """Who stands in the log, by name; ``limit`` of them where there are more."""
        found: Any = self._redis.srandmember(keys.AUDIT_ACTORS, limit)
        return sorted(str(actor) for actor in found)
