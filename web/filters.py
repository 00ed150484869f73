"""How templates write times, digests, rates and sizes."""

from __future__ import annotations

from datetime import UTC, date, datetime

from flask import Flask, request
from markupsafe import Markup

from web import figures, wording


def install(app: Flask) -> None:
    app.jinja_env.filters.update(
        when=when, day=day, short=short, percent=percent, mebibytes=mebibytes, plural=plural
    )
    app.jinja_env.globals.update(
        states=wording.STATES,
        notices=wording.NOTICES,
        ground=wording.ground,
        deadline=wording.deadline,
        verdict_tone=figures.verdict_tone,
        here=here,
    )


def when(text: str) -> Markup:
    """An ISO 8601 instant as a ``<time>`` in UTC."""
    moment = datetime.fromisoformat(text).astimezone(UTC)
    words = f"{moment.day} {moment:%b %Y, %H:%M} UTC"
    return Markup('<time datetime="{}">{}</time>').format(moment.isoformat(), words)


def day(text: str) -> Markup:
    """An ISO 8601 date as a ``<time>``."""
    found = date.fromisoformat(text)
    return Markup('<time datetime="{}">{}</time>').format(text, f"{found.day} {found:%b %Y}")


def short(digest: str) -> str:
    return digest[:12]


def percent(rate: object) -> str:
    """A rate of 0…1; a dash where there is none."""
    if not isinstance(rate, int | float) or isinstance(rate, bool) or rate != rate:
        return "–"
    return f"{100 * rate:.1f} %"


def mebibytes(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"


def plural(count: int, one: str, many: str | None = None) -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"


def here(endpoint: str) -> bool:
    """Whether the part of the site that ``endpoint`` opens is the one that is shown."""
    shown = (request.endpoint or "").partition(".")[0]
    part = {"certificates": "tickets"}.get(shown, shown)
    return part == endpoint.partition(".")[0]
