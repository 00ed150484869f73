"""Which tickets a list shows, in which order and from which place on, out of the index alone."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from redis import Redis

from storage import keys, names
from storage.errors import BadInput
from storage.tickets.states import ENDED, State
from storage.tickets.ticket import Ticket

TEXT = 64  # characters that are looked for; a subject reference has no more
AT_ONCE = 10_000  # tickets that one call looks through: 15 ms in which Redis serves nobody else
OPEN = frozenset(State) - ENDED
_PLACE = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)_(t[0-9a-z]{12})")

# A slice of the walk through one list. Where nothing is to be compared, ranks alone answer it, and
# it costs the same however long the list is.
# KEYS: the list (a zset), the rows (a hash). ARGV: how many a page has, how many a slice; '1' from
# the highest score down; '1' to count all; what to compare, as JSON or ''; the lowest and the
# highest score; score and id of the ticket that the page follows; of that which the slice follows.
# Returns matches in the slice, those of them before the page, score and id of the last that was
# looked at ('' at the list's end), and id and score of each on the page and of the one behind it.
_WALK = """
local list, rows, limit, at_once = KEYS[1], KEYS[2], tonumber(ARGV[1]), tonumber(ARGV[2])
local down, counted = ARGV[3] == '1', ARGV[4] == '1'
local test = ARGV[5] ~= '' and cjson.decode(ARGV[5])
local low, high = ARGV[6], ARGV[7]

local function before(score, id, itself)  -- how many of the list come before it, or are it
  local from, to = 0, redis.call('zcard', list)
  while from < to do
    local middle = math.floor((from + to) / 2)
    local found = redis.call('zrange', list, middle, middle, 'withscores')
    local at = tonumber(found[2])
    if at < score or (at == score and (found[1] < id or (itself and found[1] == id))) then
      from = middle + 1
    else
      to = middle
    end
  end
  return from
end

local first = low == '-inf' and 0 or redis.call('zcount', list, '-inf', '(' .. low)
local last = redis.call('zcount', list, '-inf', high) - 1
local length = math.max(last - first + 1, 0)
local offset = down and redis.call('zcard', list) - 1 - last or first

local function behind(score, id)  -- the place, in the list's order, behind a ticket
  if id == '' then return 0 end
  local place
  if down then
    place = last + 1 - before(tonumber(score), id, false)
  else
    place = before(tonumber(score), id, true) - first
  end
  return math.min(math.max(place, 0), length)
end

local function members(from, to)
  return redis.call(down and 'zrevrange' or 'zrange', list, offset + from, offset + to)
end
local function score_of(id) return redis.call('zscore', list, id) end

local page = behind(ARGV[8], ARGV[9])
if not test then
  local answer = {length, page, '', ''}
  if page < length then
    for _, id in ipairs(members(page, math.min(page + limit, length - 1))) do
      answer[#answer + 1] = id
      answer[#answer + 1] = score_of(id)
    end
  end
  return answer
end

local states = test.states and {} or nil
for _, state in ipairs(test.states or {}) do states[state] = true end
local due, text, parts, find, sub = test.due, test.text, test.parts, string.find, string.sub
local function fits(row)
  if not row then return false end
  if text ~= '' then
    local _, start = find(row, '\\nt:', 13, true)
    if not find(row, text, start + 1, true) then return false end
  end
  if due then
    local at = tonumber(sub(row, 1, 12))
    if at < due[1] or at > due[2] then return false end
  end
  if states and not states[string.match(row, '^\\ns:([^\\n]*)', 13)] then return false end
  for _, part in ipairs(parts) do
    if not find(row, part, 13, true) then return false end
  end
  return true
end

local place, matches, earlier, found = behind(ARGV[10], ARGV[11]), 0, 0, {}
if not counted then place = math.max(place, page) end
local stop, score, id = math.min(place + at_once, length), '', ''
while place < stop and (counted or #found < 2 * (limit + 1)) do
  local ids = members(place, math.min(place + 499, stop - 1))
  for i, row in ipairs(redis.call('hmget', rows, unpack(ids))) do
    if fits(row) then
      matches = matches + 1
      if place < page then
        earlier = earlier + 1
      elseif #found < 2 * (limit + 1) then
        found[#found + 1] = ids[i]
        found[#found + 1] = score_of(ids[i])
      end
    end
    place = place + 1
  end
  id = ids[#ids]
end
if place < length and id ~= '' then score = score_of(id) else id = '' end
local answer = {matches, earlier, score, id}
for _, value in ipairs(found) do answer[#answer + 1] = value end
return answer
"""


class Order(StrEnum):
    SUBMITTED = "submitted"
    DEADLINE = "deadline"
    CHANGED = "changed"  # when it came into its state


@dataclass(frozen=True)
class Wanted:
    """What a ticket must be to be shown; what is left out may be anything."""

    states: frozenset[State] = frozenset()
    model: str | None = None
    submitted_by: str | None = None
    due_from: date | None = None  # both days are within
    due_to: date | None = None
    text: str = ""  # part of the subject reference or of the ticket's id, in either case
    archived: bool = False


@dataclass(frozen=True)
class Place:
    """Between two tickets of a list: where a page begins, whatever comes or goes meanwhile."""

    score: str  # seconds since the epoch, as Redis writes them
    ticket: str

    def __str__(self) -> str:
        return f"{self.score}_{self.ticket}"

    @classmethod
    def parse(cls, text: str) -> Place:
        """
        Raises:
            BadInput
        """
        found = _PLACE.fullmatch(text)
        if not found:
            raise BadInput(f"place {text[:80]!r}: not one of a list of tickets; start at its top")
        return cls(found[1], found[2])


@dataclass(frozen=True)
class Found:
    """A page of a list, by ids."""

    ids: tuple[str, ...]
    count: int  # all that match, on whatever page; too few where nobody counted
    earlier: int  # those of them that come before this page
    first: Place | None  # of this page
    last: Place | None
    more: bool  # behind this page


def search(
    redis: Redis,
    wanted: Wanted,
    order: Order,
    *,
    down: bool,
    limit: int,
    after: Place | None = None,
    counted: bool = True,
) -> Found:
    """The first ``limit`` that match behind ``after``; ``down`` shows the highest first."""
    source, low, high, test = _plan(wanted, order)
    count = earlier = 0
    found: list[str] = []
    at = ["", ""]
    begins = [after.score, after.ticket] if after else ["", ""]
    tested = json.dumps(test) if test else ""
    fixed = [str(limit), str(AT_ONCE), str(int(down)), str(int(counted)), tested, low, high]
    while True:
        answer: list[Any] = redis.eval(_WALK, 2, source, keys.ROWS, *fixed, *begins, *at)
        count, earlier = count + int(answer[0]), earlier + int(answer[1])
        found += [str(item) for item in answer[4:]]
        at = [str(answer[2]), str(answer[3])]
        if not at[1] or (not counted and len(found) > 2 * limit):
            break
    more = len(found) > 2 * limit
    ids, scores = found[: 2 * limit : 2], found[1 : 2 * limit : 2]
    places = [Place(*pair) for pair in zip(scores, ids, strict=True)]
    first, last = (places[0], places[-1]) if places else (None, None)
    return Found(tuple(ids), count, earlier, first, last, more)


def page(
    redis: Redis,
    wanted: Wanted,
    order: Order,
    *,
    down: bool,
    limit: int,
    after: Place | None = None,
    before: Place | None = None,
    counted: bool = True,
) -> Found:
    """A page that goes on behind ``after``, or one that ends before ``before``."""
    if before is None:
        return search(redis, wanted, order, down=down, limit=limit, after=after, counted=counted)
    back = search(redis, wanted, order, down=not down, limit=limit, after=before)
    if not back.more:  # fewer than a page would be left: show the first one whole
        return search(redis, wanted, order, down=down, limit=limit)
    earlier = back.count - back.earlier - len(back.ids)
    more = back.earlier > 0
    return Found(back.ids[::-1], back.count, earlier, back.last, back.first, more)


def row(ticket: Ticket) -> str:
    """What a walk compares: the deadline's end, then parts, the text that is looked in last."""
    return (
        f"{int(ticket.due.timestamp()):012d}\ns:{ticket.state}\nm:{ticket.model}"
        f"\nb:{ticket.submitted_by}\nt:{ticket.subject.lower()} {ticket.id}"
    )


def _plan(wanted: Wanted, order: Order) -> tuple[str, str, str, dict[str, object] | None]:
    """The list to walk through, its lowest and highest score, and what is to be compared."""
    due: tuple[int, int] | None = None
    if wanted.due_from or wanted.due_to:
        due = (_due(wanted.due_from, 0), _due(wanted.due_to, 10**12 - 1))
    states, model, low, high = wanted.states, wanted.model, "-inf", "+inf"
    if order is Order.SUBMITTED and not wanted.archived:
        state = next(iter(states)) if len(states) == 1 else None
        source = keys.listing(model and names.model_name(model), state)
        model, states = None, frozenset() if state else states
    elif order is Order.DEADLINE:
        is_open = bool(states) and states <= OPEN and not wanted.archived
        source = keys.DEADLINES if is_open else keys.ordered(order, wanted.archived)
        if is_open and states == OPEN:
            states = frozenset()
        if due:
            low, high, due = str(due[0]), str(due[1]), None
    else:
        source = keys.ordered(order, wanted.archived)
    parts = [f"\nm:{model}\n"] if model else []
    parts += [f"\nb:{wanted.submitted_by}\n"] if wanted.submitted_by else []
    text = wanted.text.strip().lower()[:TEXT]
    if not (parts or states or text or due):
        return source, low, high, None
    test: dict[str, object] = {"parts": parts, "text": text}
    test |= {"states": sorted(states)} if states else {}
    test |= {"due": due} if due else {}
    return source, low, high, test


def _due(day: date | None, otherwise: int) -> int:
    """The end of the day, seconds since the epoch: what a ticket that is due then has."""
    if day is None:
        return otherwise
    return int((datetime.combine(day, time(), UTC) + timedelta(days=1)).timestamp())
