"""Traces by OpenTelemetry, sent as OTLP over HTTP. Imported only where a collector is named.

There is no instrumentation of Celery: of a task that is sent by its name its producer's span never
ends (0.66b1), and what stands in a queue names its sender's context itself.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

from opentelemetry import context, propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    TextMapPropagator,
    default_getter,
)
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from storage.traces.allowed import AllowedExporter
from storage.traces.sampling import OnlyStories
from storage.traces.tracing import Attributes

_W3C = TraceContextTextMapPropagator()
_NOTHING = context.Context()


class Provider:
    def __init__(self, service: str, requests: bool, trusted: bool) -> None:
        # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win over what is given here.
        found = Resource.create()
        named = found.attributes.get(SERVICE_NAME, "")
        if str(named).startswith("unknown_service"):
            found = found.merge(Resource({SERVICE_NAME: service}))
        self._provider = TracerProvider(resource=found, shutdown_on_exit=False)
        self._provider.sampler = OnlyStories(self._provider.sampler)
        self._provider.add_span_processor(BatchSpanProcessor(AllowedExporter(OTLPSpanExporter())))
        trace.set_tracer_provider(self._provider)
        propagate.set_global_textmap(_Inward(trusted))
        self._tracer = self._provider.get_tracer("lethe")
        self._requests = (RedisInstrumentor(), URLLib3Instrumentor()) if requests else ()
        for requested in self._requests:
            requested.instrument()

    @contextmanager
    def span(
        self,
        name: str,
        attributes: Attributes,
        parent: str | None,
        links: Sequence[str],
        active: bool,
    ) -> Iterator[None]:
        """An error inside is a status and a kind, and no event that holds its message."""
        made = self._tracer.start_span(
            name,
            context=None if parent is None else _read(parent),
            attributes=dict(attributes),
            links=[trace.Link(_context(link)) for link in links],
        )
        shown = trace.use_span(made, record_exception=False, set_status_on_exception=False)
        try:
            with shown if active else nullcontext():
                yield
        except BaseException as error:
            made.set_status(trace.StatusCode.ERROR)
            made.set_attribute("error.type", type(error).__name__)
            raise
        finally:
            made.end()

    def here(self) -> str:
        carrier: dict[str, str] = {}
        _W3C.inject(carrier)
        return carrier.get("traceparent", "")

    def describe(self, attributes: Attributes) -> None:
        trace.get_current_span().set_attributes(dict(attributes))

    def stop(self, seconds: float) -> None:
        """The SDK alone would wait half a minute for a collector that does not answer."""
        for requested in self._requests:
            requested.uninstrument()
        end = threading.Thread(target=self._provider.shutdown, daemon=True)
        end.start()
        end.join(seconds)


def _read(traceparent: str) -> context.Context:
    return _W3C.extract({"traceparent": traceparent}, context=context.Context())


def _context(traceparent: str) -> trace.SpanContext:
    return trace.get_current_span(_read(traceparent)).get_span_context()


class _Inward(TextMapPropagator):
    """Takes a context from a trusted proxy alone, and gives none to the store or to a receiver of
    webhooks."""

    def __init__(self, trusted: bool) -> None:
        self._trusted = trusted

    def extract(
        self,
        carrier: CarrierT,
        context: context.Context | None = None,
        getter: Getter[CarrierT] = default_getter,
    ) -> context.Context:
        if self._trusted:
            return _W3C.extract(carrier, context, getter)
        return context if context is not None else _NOTHING

    def inject(self, *_: object, **__: object) -> None:
        return

    @property
    def fields(self) -> set[str]:
        return set()
