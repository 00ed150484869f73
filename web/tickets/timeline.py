"""A ticket's events in words, and the steps of its way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from flask_babel import format_date, lazy_gettext
from flask_babel import gettext as _

from storage.tickets.events import Event, Notice
from storage.tickets.states import ENDED, State
from web.spans import in_words
from web.wording import NOTICES, STATES

S = State
# Who acts where no person does, by the actor's name in the record.
MACHINES = {
    "worker": lazy_gettext("a worker"),
    "clock": lazy_gettext("the clock"),
    "retention": lazy_gettext("the retention rules"),
    "policy": lazy_gettext("the model's policy"),
    "sweep": lazy_gettext("the sweep"),
}
# The steps of the way, and the states that are part of each.
WAY: tuple[tuple[Any, tuple[State, ...]], ...] = (
    (lazy_gettext("Approval"), (S.SUBMITTED,)),
    (lazy_gettext("Photos"), (S.APPROVED, S.PREPARING)),
    (lazy_gettext("In line"), (S.QUEUED,)),
    (lazy_gettext("Unlearning"), (S.UNLEARNING,)),
    (lazy_gettext("Certifying"), (S.CERTIFYING,)),
    (lazy_gettext("Publishing"), (S.PUBLISHING,)),
    (lazy_gettext("Completed"), (S.COMPLETED,)),
)
_TRIED = frozenset({S.PREPARING, S.UNLEARNING, S.CERTIFYING, S.PUBLISHING})
_STATUS = {
    "done": lazy_gettext("done"),
    "now": lazy_gettext("now"),
    "stopped": lazy_gettext("stopped here"),
    "ahead": lazy_gettext("to come"),
}


@dataclass(frozen=True)
class Entry:
    """One event as the time line shows it."""

    title: str
    tone: str  # as of ``wording.STATES``
    who: str
    at: str  # ISO 8601
    attempt: int  # at the stage that begins here; 0 where none does
    lasted: str  # until the next step; empty where it still lasts, or nothing begins here
    facts: tuple[str, ...]
    note: str


@dataclass(frozen=True)
class Step:
    """A part of the way, and how far the ticket is with it."""

    title: str
    status: str  # done, now, stopped, ahead
    words: str  # the same for people
    took: str  # in words; empty where it is not done


def entries(events: Sequence[Event], limit: int | None = None) -> list[Entry]:
    """The newest first; ``limit``: no more than so many."""
    ends = _ends(events)
    seen: Counter[State] = Counter()
    attempts = []
    for event in events:
        seen[event.state] += event.notice is None
        attempts.append(seen[event.state] if event.state in _TRIED else 1)
    newest = list(zip(events, attempts, strict=True))[::-1][:limit]
    return [_entry(event, attempt, ends.get(event.number)) for event, attempt in newest]


def steps(events: Sequence[Event]) -> list[Step]:
    """From the approval to the end."""
    ends = _ends(events)
    moves = [event for event in events if event.notice is None]
    place = {state: number for number, (_, states) in enumerate(WAY) for state in states}
    # What is no step of the way, a failure say, stands where the ticket was before.
    reached = next(place[event.state] for event in reversed(moves) if event.state in place)
    stands = moves[-1].state in place
    took: Counter[int] = Counter()
    for event in moves:
        if event.state in place and event.number in ends:
            took[place[event.state]] += _seconds(event.at, ends[event.number])  # type: ignore[assignment]
    return [
        _step(title, _status(number, reached, stands), took.get(number))
        for number, (title, _) in enumerate(WAY)
    ]


def _status(number: int, reached: int, stands: bool) -> str:
    if number != reached:
        return "done" if number < reached else "ahead"
    if not stands:
        return "stopped"
    return "done" if number == len(WAY) - 1 else "now"


def _step(title: object, status: str, seconds: float | None) -> Step:
    took = in_words(seconds) if status == "done" and seconds is not None else ""
    return Step(str(title), status, str(_STATUS[status]), took)


def _entry(event: Event, attempt: int, end: str | None) -> Entry:
    notice = event.notice
    worked = notice is None and event.state not in {*ENDED, S.FAILED}
    return Entry(
        title=_title(event),
        tone="quiet" if notice else STATES[event.state].tone,
        who=str(MACHINES.get(event.actor, event.actor)),
        at=event.at,
        attempt=0 if notice else attempt,
        lasted=in_words(_seconds(event.at, end)) if worked and end else "",
        facts=tuple(_facts(event)),
        note=str(event.data.get("note", "")),
    )


def _title(event: Event) -> str:
    if event.notice:
        return str(NOTICES[event.notice])
    if event.state is S.SUBMITTED:
        return str(_("Submitted"))
    return str(STATES[event.state].title)


def _facts(event: Event) -> Iterator[str]:
    data, result = event.data, event.data.get("result", {})
    if event.notice is Notice.EXTENDED:
        until = datetime.fromisoformat(str(data["deadline"]))
        yield str(_("New deadline: %(day)s", day=format_date(until, "d MMM y")))
    if isinstance(photos := result.get("photos"), Mapping):
        yield from _photos(photos)
    if isinstance(version := result.get("version"), int):
        yield str(_("Version %(number)s is published.", number=version))
    if isinstance(removed := result.get("objects_removed"), int):
        yield str(_("%(count)s objects with photos removed.", count=removed))


def _photos(photos: Mapping[str, Any]) -> Iterator[str]:
    refused = photos.get("refused")
    if all(isinstance(photos.get(kind), int) for kind in ("forget", "held_out")):
        yield str(
            _(
                "Photos: %(forget)s to forget, %(held_out)s held out, %(refused)s refused.",
                forget=photos["forget"],
                held_out=photos["held_out"],
                refused=sum(refused.values()) if isinstance(refused, Mapping) else 0,
            )
        )


def _ends(events: Sequence[Event]) -> dict[int, str]:
    """Number of each move but the last → when the next one came."""
    moves = [event for event in events if event.notice is None]
    return {before.number: after.at for before, after in pairwise(moves)}


def _seconds(start: str, end: str) -> float:
    """Never below zero: two machines' clocks may differ."""
    passed = datetime.fromisoformat(end) - datetime.fromisoformat(start)
    return max(passed.total_seconds(), 0.0)
