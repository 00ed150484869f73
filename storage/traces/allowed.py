"""What a span may say when it leaves the process; whatever else instrumentations write is dropped.

They know addresses with names of photos in them, commands of Redis, and messages of errors.
"""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link, SpanContext, SpanKind, Status

ALLOWED = frozenset(
    {
        "lethe.ticket",
        "lethe.tickets",
        "lethe.model",
        "lethe.version",
        "lethe.stage",
        "lethe.task",
        "lethe.request",
        "error.type",
        # of requests that come in and go out, in the old and the stable conventions
        "http.method",
        "http.request.method",
        "http.route",
        "http.status_code",
        "http.response.status_code",
        # of Redis
        "db.system",
        "db.system.name",
        "db.redis.pipeline_length",
    }
)
_COMMANDS = 60  # characters of a span's name: that of a pipeline lists all its commands


class AllowedExporter(SpanExporter):
    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([allowed(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def allowed(span: ReadableSpan) -> ReadableSpan:
    """The span without events, descriptions and any attribute that is not listed."""
    attributes = {name: value for name, value in (span.attributes or {}).items() if name in ALLOWED}
    return ReadableSpan(
        name=_name(span),
        context=_bare(span.context),
        parent=_bare(span.parent),
        resource=span.resource,
        attributes=attributes,
        links=[Link(_bare(link.context) or link.context) for link in span.links],
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _name(span: ReadableSpan) -> str:
    if span.kind is SpanKind.SERVER and "http.route" not in (span.attributes or {}):
        return span.name.split(" ")[0]  # the rest is the path that somebody asked for in vain
    return span.name if len(span.name) <= _COMMANDS else f"{span.name[:_COMMANDS]}…"


def _bare(context: SpanContext | None) -> SpanContext | None:
    """Without ``tracestate``, in which others may write what they like."""
    if context is None:
        return None
    return SpanContext(context.trace_id, context.span_id, context.is_remote, context.trace_flags)
