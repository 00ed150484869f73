"""The index of tickets in Redis: what lists, counts and sweeps read instead of the record."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime

from redis import Redis

from storage import keys
from storage.tickets.events import Notice
from storage.tickets.states import ENDED, State
from storage.tickets.ticket import Ticket
from storage.tickets.ticket_search import Order, Place, row

# One ticket into every list that it belongs to, and out of the others, at once: nobody reads half
# of it, and no crash leaves half. An older state never replaces a newer one, in whatever order two
# processes come; where the record itself lost events, `force` writes all the same.
# KEYS: none: they are made of what the summary says. ARGV: id, summary or '', force.
_WRITE = """
local id, summary, force = ARGV[1], ARGV[2], ARGV[3] == '1'
local place = 'lethe:index:ticket:' .. id
local before = redis.call('get', place)
local function lists(ticket)
  local m, s = ticket.model, ticket.state
  return {m .. ':' .. s, m .. ':', ':' .. s, ':'}
end
if before then
  local old = cjson.decode(before)
  if summary ~= '' and not force and old.ticket.events > cjson.decode(summary).ticket.events then
    return 0
  end
  if old.listed then
    for _, list in ipairs(lists(old.ticket)) do
      redis.call('zrem', 'lethe:index:list:' .. list, id)
    end
    local field = old.ticket.model .. '/' .. old.ticket.state
    if redis.call('hincrby', 'lethe:index:counts', field, -1) < 1 then
      redis.call('hdel', 'lethe:index:counts', field)
    end
  end
  for _, zset in ipairs(old.zsets) do redis.call('zrem', zset[1], id) end
end
if summary == '' then
  redis.call('zrem', 'lethe:index:tickets', id)
  redis.call('hdel', 'lethe:index:rows', id)
  return redis.call('del', place)
end
local new = cjson.decode(summary)
redis.call('set', place, summary)
redis.call('zadd', 'lethe:index:tickets', new.score, id)
redis.call('hset', 'lethe:index:rows', id, new.row)
if new.listed then
  for _, list in ipairs(lists(new.ticket)) do
    redis.call('zadd', 'lethe:index:list:' .. list, new.score, id)
  end
  redis.call('hincrby', 'lethe:index:counts', new.ticket.model .. '/' .. new.ticket.state, 1)
end
for _, zset in ipairs(new.zsets) do redis.call('zadd', zset[1], zset[2], id) end
return 1
"""

# Which of some tickets a version before this one wrote, even after this one did.
# KEYS: none, as above. ARGV: how a summary of this format begins, ids.
_OLDER = """
local found = {}
for i = 2, #ARGV do
  local summary = redis.call('get', 'lethe:index:ticket:' .. ARGV[i])
  if summary and string.sub(summary, 1, #ARGV[1]) ~= ARGV[1] then found[#found + 1] = ARGV[i] end
end
return found
"""
# 2: rows and orders for the filters of a list. Raised with whatever else `write` adds, so that a
# sweep finds what lacks it.
FORMAT = 2


class TicketIndex:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def write(self, ticket: Ticket, *, force: bool = False) -> None:
        summary = {
            "format": FORMAT,  # first: `renew` looks at the beginning alone
            "ticket": asdict(ticket),
            "score": _seconds(ticket.submitted_at),
            "listed": not ticket.archived,
            "zsets": _zsets(ticket),
            "row": row(ticket),
        }
        self._redis.eval(_WRITE, 0, ticket.id, json.dumps(summary), int(force))

    def remove(self, ticket: str) -> None:
        self._redis.eval(_WRITE, 0, ticket, "", 1)

    def renew(self, tickets: Sequence[str]) -> list[str]:
        """Writes anew what an older version wrote of them, from what it wrote; gives those."""
        begins = json.dumps({"format": FORMAT})[:-1] + ","
        older = [str(item) for item in self._redis.eval(_OLDER, 0, begins, *tickets)]
        for ticket in self.tickets(older):
            if ticket:
                self.write(ticket)
        return older

    def remove_older(self) -> None:
        """Removes what versions before this index kept in its place: it names subjects, too."""
        for pattern in ("lethe:tickets", "lethe:tickets:*", "lethe:ticket:*"):
            for key in self._redis.scan_iter(pattern, count=1000):
                self._redis.delete(key)

    def get(self, ticket: str) -> Ticket | None:
        return self.tickets([ticket])[0]

    def tickets(self, ids: Iterable[str]) -> list[Ticket | None]:
        """Each of them, or None where the index lacks it."""
        places = [keys.ticket_summary(ticket) for ticket in ids]
        found = self._redis.mget(places) if places else []
        return [_ticket(str(summary)) if summary else None for summary in found]

    def place(self, ticket: str) -> Place | None:
        """Where it stands, or stood, in the lists by submission; None where it never did."""
        score = self._redis.zscore(keys.TICKETS, ticket)
        return None if score is None else Place(repr(float(score)), ticket)

    def waiting(self, model: str | None, state: State, limit: int | None = None) -> list[str]:
        """The earliest submitted first."""
        last = -1 if limit is None else limit - 1
        return [str(item) for item in self._redis.zrange(keys.listing(model, state), 0, last)]

    def counts(self) -> Counter[tuple[str, State]]:
        """Tickets that lists show, by model and state; none where there are none."""
        found: Counter[tuple[str, State]] = Counter()
        for field, count in self._redis.hgetall(keys.COUNTS).items():
            model, _, state = str(field).rpartition("/")
            found[model, State(state)] = int(count)
        return found

    def count(self, model: str | None, state: State) -> int:
        return int(self._redis.zcard(keys.listing(model, state)))

    def by_state(self) -> dict[State, int]:
        """Tickets that lists show, of all models; each state in it."""
        pipe = self._redis.pipeline(transaction=False)
        for state in State:
            pipe.zcard(keys.listing(None, state))
        return dict(zip(State, map(int, pipe.execute()), strict=True))

    def until(self, zset: str, seconds: float, limit: int) -> list[str]:
        """Tickets in one of the index's zsets whose time is before ``seconds`` since the epoch."""
        found = self._redis.zrangebyscore(zset, "-inf", seconds, start=0, num=limit)
        return [str(ticket) for ticket in found]

    def all(self) -> set[str]:
        return {str(ticket) for ticket in self._redis.zrange(keys.TICKETS, 0, -1)}


def _zsets(ticket: Ticket) -> list[tuple[str, float]]:
    ended, due = _seconds(ticket.updated_at), ticket.due.timestamp()
    found = [
        (keys.ordered(Order.DEADLINE, ticket.archived), due),
        (keys.ordered(Order.CHANGED, ticket.archived), ended),
    ]
    if ticket.archived:
        found.append((keys.ordered(Order.SUBMITTED, True), _seconds(ticket.submitted_at)))
    if ticket.state not in ENDED:
        found.append((keys.DEADLINES, due))
        if ticket.told != Notice.DEADLINE_MISSED:
            found.append((keys.told(ticket.told), due))
        return found
    found.append((keys.ARCHIVED if ticket.archived else keys.ENDED, ended))
    return found if ticket.photos_removed else [*found, (keys.PHOTOS, ended)]


def _ticket(summary: str) -> Ticket:
    document = json.loads(summary)["ticket"]
    return Ticket(**{**document, "state": State(document["state"])})


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()
