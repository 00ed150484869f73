"""How templates write times, digests, rates and sizes."""

from __future__ import annotations

from datetime import UTC, date, datetime

from flask import Flask, request
from flask_babel import format_date, format_datetime, format_decimal
from flask_babel import gettext as _
from markupsafe import Markup, escape

from web import wording
from web.inside import this_page
from web.operations.rule_words import rule_words
from web.tickets import figures

# Blueprints that belong to another one's part of the site.
_PART_OF = {
    "certificates": "tickets",
    "new_ticket": "tickets",
    "drafts": "tickets",
    "bulk": "tickets",
    "model_versions": "models",
    "model_download": "models",
    "model_import": "models",
    "second_factor": "account",
    "tokens": "account",
    "user_tokens": "users",
}


def install(app: Flask) -> None:
    app.jinja_env.filters.update(
        when=when,
        day=day,
        short=short,
        percent=percent,
        mebibytes=mebibytes,
        number=number,
        figure=figures.written,
        change=change,
        coded=coded,
    )
    app.jinja_env.globals.update(
        states=wording.STATES,
        notices=wording.NOTICES,
        roles=wording.ROLES,
        ground=wording.ground,
        deadline=wording.deadline,
        verdict_tone=figures.verdict_tone,
        verdict_words=wording.verdict,
        rule_words=rule_words,
        here=here,
        this_page=this_page,
    )


def when(text: str) -> Markup:
    """An ISO 8601 instant as a ``<time>`` in UTC."""
    moment = datetime.fromisoformat(text).astimezone(UTC)
    words = format_datetime(moment, "d MMM y, HH:mm 'UTC'")
    return Markup('<time datetime="{}">{}</time>').format(moment.isoformat(), words)


def day(text: str) -> Markup:
    """An ISO 8601 date as a ``<time>``."""
    words = format_date(date.fromisoformat(text), "d MMM y")
    return Markup('<time datetime="{}">{}</time>').format(text, words)


def short(digest: str) -> str:
    return digest[:12]


def number(value: float) -> str:
    """With what parts thousands and decimals in the reader's language."""
    return str(format_decimal(value))


def change(difference: float, places: int) -> str:
    """A difference, with its sign."""
    digits = "0." + "0" * places
    return str(format_decimal(difference, f"+{digits};-{digits}"))


def percent(rate: object) -> str:
    """A rate of 0…1; a dash where there is none."""
    if not isinstance(rate, int | float) or isinstance(rate, bool) or rate != rate:
        return "–"
    return f"{format_decimal(100 * rate, format='0.0')} %"


def mebibytes(size: int) -> str:
    return str(_("%(size)s MiB", size=format_decimal(round(size / 2**20))))


def coded(line: object) -> Markup:
    """A line whose commands stand in backticks, as those of ``BadInput`` do."""
    parts = str(line).split("`")
    if len(parts) % 2 == 0:  # one without its other
        return escape(str(line))
    marked = [
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(parts)
    ]
    return Markup("").join(marked)


def here(endpoint: str) -> bool:
    """Whether the part of the site that ``endpoint`` opens is the one that is shown."""
    shown = (request.endpoint or "").partition(".")[0]
    part = _PART_OF.get(shown, shown)
    return part == endpoint.partition(".")[0]
