"""A span for each request that somebody makes, where traces are on."""

from __future__ import annotations

from flask import Flask

from storage.traces import tracing

# Machines ask for these every few seconds, and a static file is no part of any story.
_NO_STORY = "/healthz,/readyz,/metrics,/static/"


def install(app: Flask) -> None:
    """Before all that asks Redis or the store."""
    if tracing.on():
        # Not at the top: without traces nothing of OpenTelemetry is loaded.
        from opentelemetry.instrumentation.flask import FlaskInstrumentor

        FlaskInstrumentor().instrument_app(  # type: ignore[no-untyped-call]
            app, excluded_urls=_NO_STORY
        )
