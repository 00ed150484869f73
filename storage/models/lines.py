"""Lines: of each model what the desk, its lists and Prometheus show, without the record's reading.

Kept in Redis. Whoever changes a model takes its line out; a line that is not there, after a Redis
that lost its data, say, or that nobody looked at for a while, is read from the record again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace

import structlog

from storage import keys
from storage.errors import LetheError
from storage.record import Record
from storage.store.objects import StoreRefused, StoreUnavailable

log = structlog.get_logger("storage.lines")

FRESH_SECONDS = 3600  # a change that no line heard of, as Redis was away, shows after so long
AT_ONCE = 10  # lines that one scrape reads; each is some four requests


@dataclass(frozen=True)
class Line:
    read: float  # when, seconds since the epoch
    versions: int = 0
    aliases: dict[str, int] = field(default_factory=dict)  # alias → version
    figures: dict[str, float] = field(default_factory=dict)  # of the last erasure
    faces: dict[str, str] | None = None  # face set → what for; None: read before this was kept


def of(record: Record, models: Sequence[str], most: int) -> dict[str, Line]:
    """What is known of each model, after ``most`` of those that are due were read.

    Without the store it is what was known before.
    """
    kept = record.redis.hmget(keys.LINES, list(models)) if models else []
    found = {
        model: Line(**json.loads(str(line)))
        for model, line in zip(models, kept, strict=True)
        if line
    }
    last = time.time() - FRESH_SECONDS
    reads = {
        model: found[model].read if model in found and found[model].faces is not None else 0.0
        for model in models
    }
    due = sorted((model for model in models if reads[model] < last), key=reads.__getitem__)
    for model in due[:most]:
        try:
            line = _read(record, model)
        except (StoreRefused, StoreUnavailable) as error:
            log.warning("lines not read", error=type(error).__name__)
            break
        except LetheError as error:  # `lethe ledger verify` says what; it keeps no other one back
            log.error("line not read", model=model, error=type(error).__name__)
            before = found.get(model, Line(0.0))
            line = replace(before, read=time.time(), faces=before.faces or {})
        record.redis.hset(keys.LINES, model, json.dumps(asdict(line)))
        found[model] = line
    return found


def _read(record: Record, model: str) -> Line:
    now = time.time()
    numbers = record.models.numbers(model)
    figures = _figures(record, model, numbers)
    return Line(now, len(numbers), record.models.aliases(model), figures, _faces(record, model))


def _faces(record: Record, model: str) -> dict[str, str]:
    found = record.models.get(model)
    uses = dict.fromkeys(found.verification, "verification")
    return uses | {found.reference_faces: "reference", found.benchmark_faces: "benchmark"}


def _figures(record: Record, model: str, numbers: Sequence[int]) -> dict[str, float]:
    """``forget_tmr:0.001`` and their like, of the last version that an erasure made.

    ``retained_tmr_first`` is of the version that the first erasure began with.
    """
    last = _erased(record, model, reversed(numbers))
    first = _erased(record, model, numbers)
    if last is None or first is None:
        return {}
    headline, began = _headline(record, last[-1]), _headline(record, first[0])
    fmr, fmr_then = headline.get("fmr", 0.0), began.get("fmr", 0.0)
    figures = {
        f"forget_tmr:{fmr:g}": headline.get("forget_tmr_after"),
        f"retained_tmr:{fmr:g}": headline.get("benchmark_tmr_after"),
        f"retained_tmr_first:{fmr_then:g}": began.get("benchmark_tmr_before"),
        "cross_version_tmr": headline.get("cross_version_tmr"),
    }
    return {name: value for name, value in figures.items() if value is not None}


def _erased(record: Record, model: str, numbers: Iterable[int]) -> list[str] | None:
    """The tickets of the first of these versions that an erasure made."""
    for number in numbers:
        if tickets := record.models.version(model, number).tickets:
            return tickets
    return None


def _headline(record: Record, ticket: str) -> dict[str, float]:
    """Its version is published before the ticket completes; the events have it by then."""
    shown = record.tickets.get(ticket).result.get("headline")
    if shown:
        return dict(shown)
    facts = [event.data.get("facts") for event in record.tickets.events(ticket)]
    return next((dict(fact["result"]["headline"]) for fact in reversed(facts) if fact), {})
