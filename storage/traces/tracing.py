"""Traces: where the time of a ticket goes, from the form to the certificate.

Switched on by OpenTelemetry's own variables; without them nothing of it is imported. A ticket waits
for days between two of its spans, so the context that it was submitted in is kept in Redis, under
a key that runs out: the record holds proof alone, and is the same with and without traces.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Protocol

import structlog
from redis import Redis
from redis.exceptions import RedisError

from storage import keys

log = structlog.get_logger("storage.traces")

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
# A ticket is due three months after its submission at the latest.
KEPT_SECONDS = 100 * 24 * 3600
FLUSH_SECONDS = 3.0  # a process that ends waits so long for a collector, and no longer

Attributes = Mapping[str, str | int | Sequence[str]]


class Tracer(Protocol):
    """What ``storage.traces.provider`` does; a trace's context is its ``traceparent``."""

    def span(
        self,
        name: str,
        attributes: Attributes,
        parent: str | None,
        links: Sequence[str],
        active: bool,
    ) -> AbstractContextManager[None]: ...

    def here(self) -> str: ...

    def describe(self, attributes: Attributes) -> None: ...

    def stop(self, seconds: float) -> None: ...


_tracer: Tracer | None = None


def asked_for() -> bool:
    """Whether the environment names a collector."""
    off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    off = off or os.environ.get("OTEL_TRACES_EXPORTER") == "none"
    return not off and any(os.environ.get(name) for name in ENDPOINTS)


def start(service: str, *, requests: bool = False, trusted: bool = False) -> None:
    """In the process that works, after the fork: the thread that sends would not survive one.

    Args:
        service: the name it has in traces, where OTEL_SERVICE_NAME gives no other.
        requests: whether each request to Redis and to the object store has a span.
        trusted: whether who asks may name the trace that a request belongs to.
    """
    global _tracer
    if _tracer is not None or not asked_for():
        return
    protocol = next((os.environ[name] for name in PROTOCOLS if os.environ.get(name)), "")
    if protocol not in {"", "http/protobuf"}:
        log.warning("no traces: OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf, or not set")
        return
    try:
        from storage.traces.provider import Provider
    except ImportError:
        log.warning("no traces: OpenTelemetry is not installed; pip install 'lethe[tracing]'")
        return
    _tracer = Provider(service, requests, trusted)


def stop() -> None:
    """Sends what is left, for a bounded time."""
    global _tracer
    tracer, _tracer = _tracer, None
    if tracer is not None:
        tracer.stop(FLUSH_SECONDS)


def on() -> bool:
    return _tracer is not None


def span(
    name: str,
    attributes: Attributes | None = None,
    *,
    parent: str | None = None,
    links: Sequence[str] = (),
    active: bool = True,
) -> AbstractContextManager[None]:
    """A span around what is done.

    Args:
        parent: under it instead of the one that is under way; empty: the first of a new trace.
        links: to other traces; empty ones are none.
        active: whether what is done inside lies under it.
    """
    if _tracer is None:
        return nullcontext()
    return _tracer.span(name, attributes or {}, parent, [link for link in links if link], active)


def here() -> str:
    """The context that is under way, as a ``traceparent``; empty where there is none."""
    return _tracer.here() if _tracer is not None else ""


def ids() -> dict[str, str]:
    """For a line of the log: by which its trace and span are found."""
    parts = here().split("-")
    return {"trace_id": parts[1], "span_id": parts[2]} if len(parts) == 4 else {}


def describe(attributes: Attributes) -> None:
    """More about the span that is under way."""
    if _tracer is not None:
        _tracer.describe(attributes)


def remember(redis: Redis, ticket: str) -> None:
    """Everything that happens to the ticket from now on belongs to the trace that is under way."""
    if context := here():
        with suppress(RedisError):  # the ticket goes on, its trace breaks off
            redis.set(keys.trace(ticket), context, ex=KEPT_SECONDS, nx=True)


def origin(redis: Redis, ticket: str) -> str:
    """The context that the ticket was submitted in; empty where nobody kept it."""
    if _tracer is None:
        return ""
    try:
        return str(redis.get(keys.trace(ticket)) or "")
    except RedisError:
        return ""


@contextmanager
def ticket_span(
    redis: Redis, ticket: str, name: str, attributes: Attributes, *, active: bool = True
) -> Iterator[None]:
    """A span in the ticket's own trace, linked to what is under way where that is another one's."""
    if _tracer is None:
        yield
        return
    now, own = here(), origin(redis, ticket)
    elsewhere = bool(own) and _trace(own) != _trace(now)
    given = {**attributes, "lethe.ticket": ticket}
    parent, links = (own, [now]) if elsewhere else (None, [])
    with span(name, given, parent=parent, links=links, active=active):
        if not own:  # it was submitted when there were no traces
            remember(redis, ticket)
        yield


def _trace(context: str) -> str:
    return context.split("-")[1] if context else ""
