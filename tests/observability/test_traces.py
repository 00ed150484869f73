"""A ticket's trace is one story, from the form to the certificate, and betrays nobody."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import requests

from storage.settings import Settings
from tests.faults.web_process import serving
from tests.observability.collector import Collector, Span
from tests.observability.several import MODEL, TICKETS
from tests.observability.story import ROOT, SOUND, Story, wait_for
from tests.workers.workshop import environment

STAGES = ["preparing", "unlearning", "certifying", "publishing"]
# Any collector's own address; nobody listens there.
NOWHERE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}


def trace_of(story: Story, ticket: str) -> list[Span]:
    """All spans of the trace that the ticket was submitted in."""
    (form,) = [span for span in story.collector.of(ticket) if span.name == "POST /tickets/new"]
    return [span for span in list(story.collector.spans) if span.trace == form.trace]


def named(spans: list[Span], name: str) -> Span:
    (found,) = [span for span in spans if span.name == name]
    return found


def above(spans: list[Span], span: Span) -> list[str]:
    """The names of the spans over this one, the nearest first."""
    by_id = {each.id: each for each in spans}
    names = []
    while span.parent:
        span = by_id[span.parent]
        names.append(span.name)
    return names


def test_from_the_form_to_the_certificate_a_ticket_is_one_trace(story: Story) -> None:
    wait_for(lambda: any(span.name == "erasure" for span in story.collector.of(story.completed)))
    spans = trace_of(story, story.completed)
    assert {span.service for span in spans} == {"lethe-web", "lethe-worker"}
    certificate = named(spans, "certificate")
    task = ["erasure", "lethe.erase", "preparing", "POST /tickets/new"]
    assert above(spans, certificate) == ["publishing", *task]
    assert above(spans, named(spans, "preparing")) == ["POST /tickets/new"]
    assert above(spans, named(spans, "unlearning")) == above(spans, named(spans, "certifying"))
    assert not [span for span in spans if span.failed and span.service == "lethe-worker"]


def test_each_stage_has_ticket_model_version_and_stage(story: Story) -> None:
    spans = trace_of(story, story.completed)
    for stage in STAGES:
        about = named(spans, stage).attributes
        assert about["lethe.ticket"] == story.completed
        assert (about["lethe.model"], about["lethe.stage"]) == (SOUND, stage)
        assert about.get("lethe.version") == (None if stage == "preparing" else 1)
    assert named(spans, "certificate").attributes["lethe.version"] == 2


def test_preparation_leads_to_the_request_that_approved_the_ticket(story: Story) -> None:
    ((trace, _),) = named(trace_of(story, story.completed), "preparing").links
    there = [span for span in story.collector.spans if span.trace == trace]
    assert "POST /api/v1/tickets/<ticket>/approve" in {span.name for span in there}


def test_what_fails_is_known_by_the_kind_of_its_error_alone(story: Story) -> None:
    for ticket, error in ((story.refused, "NoSuchFaceSet"), (story.failed, "Corrupt")):
        failed = named(trace_of(story, ticket), "preparing")
        assert failed.failed
        assert failed.attributes["error.type"] == error
        assert "events" not in failed.raw
        assert "message" not in failed.raw


def test_no_span_holds_a_person_s_trace_a_secret_a_key_or_an_object_s_name(story: Story) -> None:
    everything = "\n".join(span.raw for span in list(story.collector.spans))
    assert len(everything) > 10_000
    for secret in (*story.planted, "lethe:", "photos/", "facesets", "127.0.0.1", "door-cameras/"):
        assert secret not in everything, secret


def test_a_stranger_does_not_choose_the_trace_that_a_request_belongs_to(story: Story) -> None:
    trace, url = "ca" * 16, f"http://127.0.0.1:{story.web.port}/sign-in"
    head = {"traceparent": f"00-{trace}-{'ca' * 8}-01", "tracestate": "canary=canary"}
    id_ = requests.get(url, headers=head, timeout=30).headers["X-Request-ID"]
    spans = story.collector.spans
    wait_for(lambda: id_ in {span.attributes.get("lethe.request") for span in list(spans)})
    assert trace not in {span.trace for span in list(spans)}
    assert not any("canary=" in span.raw for span in list(spans))


def test_a_run_of_several_tickets_is_linked_with_the_trace_of_each(settings: Settings) -> None:
    with Collector() as collector:
        module = ["-m", "tests.observability.several"]
        run_python(module, environment(settings) | collector.environment)
        spans = list(collector.spans)
    run = named(spans, "erasure")
    assert run.attributes["lethe.model"] == MODEL
    forms = {span.attributes["lethe.ticket"]: span for span in spans if "POST" in span.name}
    assert set(run.links) == {(form.trace, form.id) for form in forms.values()}
    for ticket in TICKETS:
        own = [span for span in spans if span.trace == forms[ticket].trace]
        assert {span.attributes["lethe.ticket"] for span in own} == {ticket}
        for name in ("publishing", "certificate"):
            made = named(own, name)
            assert made.parent == forms[ticket].id
            assert {trace for trace, _ in made.links} == {run.trace}


def test_a_collector_that_never_answers_holds_up_neither_a_request_nor_the_end(
    settings: Settings, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        more = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        with serving(settings, tmp_path, more) as web:
            for _ in range(3):
                start = time.monotonic()
                page = requests.get(f"http://127.0.0.1:{web.port}/sign-in", timeout=30)
                assert page.status_code == 200
                assert time.monotonic() - start < 5  # what it waits for gives up after ten
            silent.settimeout(5)
            silent.accept()[0].close()  # something was sent
            start = time.monotonic()
            web.process.ask_to_stop()
            web.process.popen.wait(30)
            assert time.monotonic() - start < 15  # the SDK alone waits for thirty


# redis-py loads OpenTelemetry's metrics for itself, wherever they are installed.
LOADED = """
import os, sys
import redis
before = set(sys.modules)
import web.app, workers.app
from storage.traces import tracing
tracing.start("lethe-web")
os.environ |= {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"}
tracing.start("lethe-web")
with tracing.span("a"):
    tracing.describe({"lethe.ticket": "t"})
assert not tracing.on() and tracing.here() == "" and tracing.ids() == {}
print(sorted(name for name in set(sys.modules) - before if name.startswith("opentelemetry")))
"""
START = """
import sys
if "absent" in sys.argv:
    sys.modules["opentelemetry"] = None
from storage.logs import setup
from storage.traces import tracing
setup.set_up()
tracing.start("lethe-web")
print(tracing.on())
"""


def run_python(arguments: list[str], more: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return subprocess.run(
        [sys.executable, *arguments],
        env={**plain, **more, "PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


def test_without_a_collector_nothing_of_opentelemetry_is_loaded(settings: Settings) -> None:
    assert run_python(["-c", LOADED], environment(settings)).stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("argument", "more", "says"),
    [
        ("absent", {}, "pip install 'lethe[tracing]'"),
        ("", {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "must be http/protobuf"),
    ],
)
def test_traces_that_cannot_be_are_said_in_one_line_and_nothing_stops(
    argument: str, more: Mapping[str, str], says: str
) -> None:
    done = run_python(["-c", START, argument], NOWHERE | more)
    assert done.stdout.strip() == "False"
    (line,) = done.stderr.splitlines()
    assert says in line
