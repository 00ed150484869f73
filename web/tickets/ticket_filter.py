"""What a list of tickets is filtered and sorted by: read from its address, written back into it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString
from werkzeug.datastructures import MultiDict

from storage.errors import BadInput
from storage.tickets.states import State
from storage.tickets.ticket_search import OPEN, TEXT, Order, Place, Wanted
from web import wording

NEWEST = "-submitted"
ORDERS: dict[str, LazyString] = {
    NEWEST: lazy_gettext("Newest first"),
    "submitted": lazy_gettext("Oldest first"),
    "deadline": lazy_gettext("Deadline, the earliest first"),
    "-deadline": lazy_gettext("Deadline, the latest first"),
    "-changed": lazy_gettext("Changed last first"),
    "changed": lazy_gettext("Unchanged for longest first"),
}
DUE: dict[str, LazyString] = {
    "overdue": lazy_gettext("Overdue"),
    "7": lazy_gettext("Due within 7 days"),
    "30": lazy_gettext("Due within 30 days"),
}
Query = dict[str, str | list[str]]  # what `url_for` makes an address of


@dataclass(frozen=True)
class Chip:
    """One thing that narrows the list, and the address without it."""

    words: str
    without: Query


@dataclass(frozen=True)
class Filter:
    states: tuple[State, ...] = ()
    model: str | None = None
    due: str = ""  # of DUE; only open tickets are due
    day_from: date | None = None
    day_to: date | None = None
    text: str = ""
    mine: bool = False
    archived: bool = False
    order: str = NEWEST

    @classmethod
    def parse(cls, args: MultiDict[str, str], models: Collection[str]) -> Filter:
        """
        Raises:
            BadInput: a value that the form does not offer.
        """
        states = [_one(item, State, "state") for item in args.getlist("state") if item]
        return cls(
            states=tuple(state for state in State if state in states),
            model=_one(args.get("model", ""), models, "model") or None,
            due=_one(args.get("due", ""), DUE, "deadline"),
            day_from=_day(args.get("from", "")),
            day_to=_day(args.get("to", "")),
            text=" ".join(args.get("q", "").split())[:TEXT],
            mine=bool(args.get("mine")),
            archived=bool(args.get("archived")),
            order=_one(args.get("sort", ""), ORDERS, "order") or NEWEST,
        )

    def wanted(self, me: str) -> Wanted:
        states, day_from, day_to = frozenset(self.states), self.day_from, self.day_to
        if self.due:
            today = datetime.now(UTC).date()
            first, last = _span(self.due, today)
            day_from = max(day_from, first) if day_from and first else day_from or first
            day_to = min(day_to, last) if day_to else last
            # A state that is over leaves nothing: its tickets wait for no deadline.
            states = frozenset(states & OPEN if states else OPEN)
            if not states:
                day_from, day_to = today, today - timedelta(days=1)
        return Wanted(
            states=states,
            model=self.model,
            submitted_by=me if self.mine else None,
            due_from=day_from,
            due_to=day_to,
            text=self.text,
            archived=self.archived,
        )

    @property
    def by(self) -> Order:
        return Order(self.order.removeprefix("-"))

    @property
    def down(self) -> bool:
        return self.order.startswith("-")

    def query(self) -> Query:
        """What of it is not as usual."""
        found: Query = {
            "q": self.text,
            "state": [str(state) for state in self.states],
            "model": self.model or "",
            "due": self.due,
            "from": self.day_from.isoformat() if self.day_from else "",
            "to": self.day_to.isoformat() if self.day_to else "",
            "mine": "1" if self.mine else "",
            "archived": "1" if self.archived else "",
            "sort": "" if self.order == NEWEST else self.order,
        }
        return {name: value for name, value in found.items() if value}

    def facts(self) -> dict[str, str]:
        """It for the audit log, which takes no reference of a subject: that there was a text."""
        shown = {name: value for name, value in self.query().items() if name != "q"}
        found = {k: v if isinstance(v, str) else ", ".join(v) for k, v in shown.items()}
        return {**found, "text": "yes"} if self.text else found

    def sorted_by(self, order: Order) -> Query:
        """Where a column's head leads: the useful way first, the other way from there."""
        first = order if order is Order.DEADLINE else f"-{order}"
        other = f"-{order}" if order is Order.DEADLINE else str(order)
        return replace(self, order=other if self.order == first else str(first)).query()

    def chips(self) -> list[Chip]:
        chips = []
        if self.text:
            words = _("Text: %(text)s", text=self.text)
            chips.append(Chip(words, replace(self, text="").query()))
        for state in self.states:
            others = tuple(other for other in self.states if other is not state)
            words = str(wording.STATES[state].title)
            chips.append(Chip(words, replace(self, states=others).query()))
        if self.model:
            words = _("Model: %(model)s", model=self.model)
            chips.append(Chip(words, replace(self, model=None).query()))
        if self.due:
            chips.append(Chip(str(DUE[self.due]), replace(self, due="").query()))
        if self.day_from:
            words = _("Due from %(day)s", day=self.day_from.isoformat())
            chips.append(Chip(words, replace(self, day_from=None).query()))
        if self.day_to:
            words = _("Due until %(day)s", day=self.day_to.isoformat())
            chips.append(Chip(words, replace(self, day_to=None).query()))
        if self.mine:
            chips.append(Chip(_("Submitted by me"), replace(self, mine=False).query()))
        if self.archived:
            chips.append(Chip(_("Archived"), replace(self, archived=False).query()))
        return chips


def place(text: str | None) -> Place | None:
    return Place.parse(text) if text else None


def _one(value: str, offered: Collection[str] | type[State], what: str) -> str:
    """``value`` where it is one of those that the form offers, or none."""
    if value and value not in {str(item) for item in offered}:
        raise BadInput(f"{what} {value[:64]!r}: there is none; choose one of the list")
    return value


def _day(value: str) -> date | None:
    try:
        found = date.fromisoformat(value) if value else None
    except ValueError:
        raise BadInput(f"day {value[:32]!r}: is no date; give it as YYYY-MM-DD") from None
    if found and not 1970 < found.year < 9999:
        raise BadInput(f"day {value[:32]!r}: give a year from 1971 to 9998")
    return found


def _span(due: str, today: date) -> tuple[date | None, date]:
    if due == "overdue":
        return None, today - timedelta(days=1)
    return today, today + timedelta(days=int(due))
