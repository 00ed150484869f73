"""Settings and policies, to read: what holds here, where it comes from, what certificates judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, render_template
from flask_babel import LazyString, format_decimal, ngettext
from flask_babel import gettext as _
from pydantic import SecretStr

from storage.errors import LetheError
from storage.models.policy import ModelPolicy
from storage.record import Record
from storage.settings import MIB, Settings
from storage.store.objects import StoreRefused, StoreUnavailable
from storage.tickets.states import State
from web.filters import mebibytes
from web.operations.setting_words import GROUPS
from web.services import record

MODELS = 50  # whose policies are shown; each is two readings of the store
# Known by name, though no SecretStr: who has them can sign in, or says where others do.
_SECRET = frozenset({"s3_access_key", "webhook_url"})

pages = Blueprint("policies", __name__)


@dataclass(frozen=True)
class Setting:
    variable: str
    value: str | None  # None: not set
    given: bool  # by the environment; else it is the default
    words: LazyString


@dataclass(frozen=True)
class Judged:
    """By which policy the latest certificate was judged."""

    ticket: str
    model: str
    policy: Mapping[str, Any]
    rules: tuple[Mapping[str, Any], ...]


@pages.get("/settings")
def show() -> str:
    names = sorted(record().models.registered())
    return render_template(
        "settings.html",
        groups=groups(record().settings),
        models=_policies(record(), names[:MODELS]),
        more=max(len(names) - MODELS, 0),
        judged=_judged(record()),
    )


def groups(settings: Settings) -> list[tuple[LazyString, list[Setting]]]:
    return [
        (title, [_setting(settings, name, words) for name, words in found.items()])
        for title, found in GROUPS
    ]


def _setting(settings: Settings, name: str, words: LazyString) -> Setting:
    given = name in settings.model_fields_set
    value = getattr(settings, name)
    return Setting(f"LETHE_{name.upper()}", _shown(name, value), given, words)


def _shown(name: str, value: object) -> str | None:
    """As a reader may see it: of a secret only whether it is there."""
    if value is None or value in ((), {}, ""):
        return None
    if isinstance(value, SecretStr) or name in _SECRET:
        return str(_("set, not shown"))
    if name == "redis_url":
        parts = urlsplit(str(value))  # it may hold a password
        return f"{parts.scheme}://{parts.hostname}:{parts.port or 6379}{parts.path}"
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{key} → {role}" for key, role in value.items())
    if isinstance(value, int) and name.endswith("_bytes") and value % MIB == 0:
        return mebibytes(value)
    if isinstance(value, int | float):
        return _number(name, value)
    return str(value)


def _number(name: str, value: float) -> str:
    shown, whole = format_decimal(value), int(value)
    if name.endswith("_days"):
        return str(ngettext("%(count)s day", "%(count)s days", whole, count=shown))
    if name.endswith(("_seconds", "_timeout")):
        return str(ngettext("%(count)s second", "%(count)s seconds", whole, count=shown))
    if name.endswith("_bytes"):
        return str(ngettext("%(count)s byte", "%(count)s bytes", whole, count=shown))
    return str(shown)


def _policies(found: Record, names: list[str]) -> dict[str, ModelPolicy | None]:
    """None where what was settled cannot be read; the audit says why."""
    policies: dict[str, ModelPolicy | None] = {}
    for name in names:
        try:
            policies[name] = found.models.policy(name)
        except (StoreRefused, StoreUnavailable):
            raise
        except LetheError:
            policies[name] = None
    return policies


def _judged(found: Record) -> Judged | None:
    for ticket in found.tickets.recent(state=State.COMPLETED, limit=1):
        try:
            body = found.certificates.check(ticket.id)
        except (StoreRefused, StoreUnavailable):
            raise
        except LetheError:
            return None  # the ticket's own page says what is wrong with it
        return Judged(ticket.id, ticket.model, body["policy"], tuple(body["rules"]))
    return None
