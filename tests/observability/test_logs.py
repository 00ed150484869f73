"""Every line of every process is one JSON object, says what it is about, and betrays nobody."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from typing import Any

import pytest
import requests

from storage.logs.foreign import plain
from tests.observability.story import ROOT, SOUND, Story, wait_for

Line = dict[str, Any]


@pytest.fixture(scope="module")
def lines(story: Story) -> list[Line]:
    return [json.loads(line) for line in story.lines()]


def test_every_line_of_web_worker_and_clock_is_a_json_object(lines: list[Line]) -> None:
    for line in lines:
        assert {"event", "level", "timestamp", "logger"} <= line.keys(), line
    loggers = {line["logger"] for line in lines}
    assert "debug" in {line["level"] for line in lines}  # they say all that they ever do
    assert {"gunicorn.error", "gunicorn.access", "celery.beat", "celery.app.trace"} <= loggers
    assert {"web.new_ticket", "workers.stages", "workers.attempts"} <= loggers


def test_each_line_of_a_ticket_at_work_has_ticket_model_and_stage(
    story: Story, lines: list[Line]
) -> None:
    at_work = [line for line in lines if line.get("ticket") == story.completed and "stage" in line]
    assert {line["model"] for line in at_work} == {SOUND}
    stages = list(dict.fromkeys(line["stage"] for line in at_work))
    assert stages == ["preparing", "unlearning", "certifying", "publishing"]
    unlearned = [line for line in at_work if line["event"] == "unlearned"]
    assert [line["version"] for line in unlearned] == [1]
    ended = [line for line in at_work if line["logger"] == "celery.app.trace"]
    assert [line["stage"] for line in ended] == ["preparing", "publishing"]  # Celery's own, too
    assert ended[-1]["version"] == 2
    begun = {line["task_id"] for line in lines if line["event"] == "stage began"}
    for line in lines:
        if line.get("task_id") in begun and line["logger"].startswith("workers"):
            assert {"ticket", "model", "stage"} <= line.keys(), line


def test_what_celery_receives_is_said_with_its_ticket_or_its_model(lines: list[Line]) -> None:
    received = [line for line in lines if line["event"].endswith(" received")]
    prepared = [line for line in received if line["task"] == "lethe.prepare"]
    erased = [line for line in received if line["task"] == "lethe.erase"]
    assert prepared
    assert erased
    assert all("ticket" in line for line in prepared)
    assert {line["model"] for line in erased} == {SOUND}


def test_a_failure_says_where_and_of_what_kind(story: Story, lines: list[Line]) -> None:
    (refused,) = [line for line in lines if line["event"] == "refused"]
    assert (refused["ticket"], refused["error"]) == (story.refused, "NoSuchFaceSet")
    (failed,) = [line for line in lines if line["event"] == "failed"]
    assert (failed["ticket"], failed["model"]) == (story.failed, SOUND)
    assert (failed["stage"], failed["error"]) == ("preparing", "Corrupt")
    assert failed["traceback"].endswith("Corrupt")  # no message after it


def test_no_line_holds_a_person_s_trace_or_a_secret(story: Story) -> None:
    everything = "\n".join(story.lines())
    for secret in story.planted:
        assert secret not in everything, secret


def test_a_request_is_told_by_its_id_and_its_route(story: Story) -> None:
    url = f"http://127.0.0.1:{story.web.port}/sign-in/link/canary-token?q=canary"
    answer = requests.get(url, headers={"X-Request-ID": "of-a-stranger"}, timeout=30)
    id_ = answer.headers["X-Request-ID"]
    assert id_ != "of-a-stranger"

    def found() -> list[Line]:
        parsed = [json.loads(line) for line in story.lines()]
        return [
            line for line in parsed if line.get("request") == id_ and line["event"] == "request"
        ]

    wait_for(found)
    (line,) = found()
    assert (line["method"], line["route"]) == ("GET", "/sign-in/link/<token>")
    assert line["status"] == answer.status_code
    assert "canary" not in str(line)


def test_lines_of_spans_name_their_trace(story: Story, lines: list[Line]) -> None:
    ended = [line for line in lines if line.get("ticket") == story.completed]
    (form,) = [line for line in ended if line["event"] == "ticket_submitted"]
    (done,) = [line for line in ended if line["event"] == "completed"]
    assert form["trace_id"] == done["trace_id"]
    assert form["span_id"] != done["span_id"]


WRITE = """
import logging, threading, structlog
from storage.logs import setup
setup.set_up()
structlog.get_logger("workers.any").info("ours", ticket="t000000000001")
structlog.get_logger("workers.any").debug("ours, in detail")
logging.getLogger("urllib3.connectionpool").info("theirs")
def fail():
    raise RuntimeError("canary")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
raise ValueError("canary")
"""


def written(**env: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", WRITE],
        env={"PYTHONPATH": ROOT, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == ""
    assert "canary" not in done.stderr
    return done.stderr.splitlines()


def test_the_end_of_a_thread_or_of_a_process_is_a_line_without_the_error_s_message() -> None:
    ours, thread, end = map(json.loads, written())
    assert (ours["event"], ours["ticket"]) == ("ours", "t000000000001")
    assert (thread["error"], end["error"]) == ("RuntimeError", "ValueError")
    assert (thread["level"], end["thread"]) == ("critical", "MainThread")


def test_lines_are_text_where_that_is_set_and_as_many_as_the_level_says() -> None:
    text = written(LETHE_LOG_FORMAT="text", LETHE_LOG_LEVEL="debug")
    assert "ours" in text[0]
    assert "ticket=t000000000001" in text[0]
    assert "ours, in detail" in text[1]
    assert not any("theirs" in line for line in text)
    assert len(written(LETHE_LOG_LEVEL="error")) == 2


def line(name: str, text: object, *args: object, error: BaseException | None = None) -> str:
    """As a library's line is written."""
    about = (type(error), error, None) if error else None
    record = logging.LogRecord(name, logging.WARNING, "", 1, text, args, about)
    return plain(record).getMessage()


def test_of_other_libraries_lines_texts_are_left_out() -> None:
    text = "Retrying (%r) after connection broken by %r: %s"  # urllib3's, but for its quotes
    said = line("urllib3.connectionpool", text, 2, OSError("canary"), "/lethe/photos/canary")
    assert said == "Retrying (2) after connection broken by 'OSError': …"
    assert line("any", "took %d of %s", "canary", 1) == "took %d of %s"
    assert line("kombu.connection", "Connected to %s", "redis://h") == "Connected to redis://h"


def test_of_a_line_about_an_error_no_text_is_kept() -> None:
    cause = ValueError("canary")
    said = line("gunicorn.error", "Error handling request %s", "/tickets?q=canary", error=cause)
    assert said == "Error handling request …"
    assert line("gunicorn.error", cause, error=cause) == "ValueError"
    bad = "Invalid request from ip=::1: Invalid HTTP request line: 'GET /canary'"
    assert line("gunicorn.error", bad) == "Invalid request from ip=::1"
