"""Debian's Prometheus, asked all that dashboards and alerts ask it, of a Lethe that works."""

from __future__ import annotations

import math
import re
import time
from typing import Any

import psutil
import pytest
import requests
import yaml

from storage import keys, object_names
from storage.models.registry import MODEL_FILE
from tests.observability.boards import selectors, targets
from tests.observability.expected import BOARDS
from tests.observability.watched import (
    DOOR,
    GATE,
    GONE,
    HALL,
    REFERENCE,
    ROOT,
    RULES,
    Watched,
    wait_until,
)

DOCS = ROOT / "docs" / "metrics.md"
OF_PROMETHEUS = {"__name__", "instance", "job", "le"}
RUNS = "sum by (result) (lethe_erasures_total)"
# Alerts whose cause is there; with the seconds that they wait for most are pending.
CAUSED = {
    "LetheDeadlineNear": {},
    "LetheDeadlineMissed": {"model": HALL},
    "LetheTicketFailed": {"model": GATE},
    "LetheVerdictRefused": {"model": HALL},
    "LetheLedgerBroken": {},
    "LetheWorkerGone": {"worker": GONE, "queues": "gpu"},
}


def alerts() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


@pytest.fixture(scope="module")
def verified(lethe: Watched) -> Watched:
    """A model's file is gone from the record, which somebody has verified; Prometheus knows."""
    lethe.record.objects.remove_all(f"{object_names.version(GATE, 1)}{MODEL_FILE}.")
    assert len(lethe.record.ledger.verify_for("auditor").broken) == 1
    wait_until(lambda: lethe.ask("min(lethe_ledger_broken) == 1"))
    # `increase` stretches what it sees by half a second at each end: of ten seconds, say.
    wait_until(lambda: lethe.ask("min(count_over_time(lethe_erasures_total[1h])) >= 10"))
    lethe.record.redis.set(keys.SWEPT, time.time())
    return lethe


def test_counts_are_right_with_two_replicas_of_several_processes(verified: Watched) -> None:
    assert verified.ask("count(lethe_photos_overdue)") == [({}, 2)]
    assert {labels["result"]: value for labels, value in verified.ask(RUNS)} == {
        "completed": 1,
        "refused": 1,
        "failed": 1,
    }
    assert [value for _, value in verified.ask("lethe_stage_duration_seconds_count")].count(0) == 0
    verdicts = verified.ask("lethe_verdicts_total")
    assert sorted((labels["model"], labels["verdict"], value) for labels, value in verdicts) == [
        (DOOR, "passed", 1),
        (DOOR, "passed", 1),
        (HALL, "refused", 1),
        (HALL, "refused", 1),
    ]


def test_every_panel_shows_what_happened(verified: Watched) -> None:
    wrong, seen = [], set()
    for target in targets():
        seen.add((target.board, target.panel))
        found = verified.ask(target.expr)
        values = {
            tuple(value for name, value in sorted(labels.items()) if name != "__name__"): value
            for labels, value in found
        }
        sound = values and not any(math.isnan(value) for value in values.values())
        if not sound or not BOARDS[target.board][target.panel](values):
            wrong.append(f"{target.panel}: {target.expr} shows {values}")
    assert not wrong, "\n".join(wrong)
    assert seen == {(board, panel) for board, checks in BOARDS.items() for panel in checks}


def test_every_alert_asks_for_metrics_that_are_there_and_those_with_a_cause_are_raised(
    verified: Watched,
) -> None:
    for name, rule in alerts().items():
        verified.ask(rule["expr"])
        assert selectors(rule["expr"]), name
        for selector in selectors(rule["expr"]):
            assert verified.ask(selector), f"{name}: nothing is {selector}"

    def raised() -> dict[str, Any]:
        data: Any = verified.api("alerts")
        return {alert["labels"]["alertname"]: alert for alert in data["alerts"]}

    wait_until(lambda: set(raised()) >= set(CAUSED))
    found = raised()
    assert set(found) == set(CAUSED)
    for name, labels in CAUSED.items():
        assert found[name]["labels"].items() >= labels.items(), found[name]
        said = " ".join(found[name]["annotations"].values())
        assert "<no value>" not in said
        assert "error" not in said


def test_an_exemplar_names_a_ticket_and_nothing_names_a_subject(verified: Watched) -> None:
    now = time.time()
    data: Any = verified.api(
        "query_exemplars", query="lethe_stage_duration_seconds_bucket", start=now - 600, end=now
    )
    shown = {
        (found["seriesLabels"]["stage"], exemplar["labels"]["ticket"])
        for found in data
        for exemplar in found["exemplars"]
    }
    assert ("publishing", verified.tickets["completed"]) in shown
    assert {ticket for _, ticket in shown} <= set(verified.tickets.values())
    names = verified.api("labels")
    for name in names:  # type: ignore[attr-defined]
        assert REFERENCE not in str(verified.api(f"label/{name}/values"))
    assert REFERENCE not in requests.get(f"{verified.workers_metrics}/metrics", timeout=10).text


def test_every_metric_is_in_the_docs_with_its_labels_and_no_other(verified: Watched) -> None:
    found: dict[str, set[str]] = {}
    for labels, _ in verified.ask('{__name__=~"lethe_.+"}'):
        name = re.sub("_(bucket|sum|count)$", "", labels["__name__"])
        found.setdefault(name, set()).update(set(labels) - OF_PROMETHEUS)
    assert found == documented()


def documented() -> dict[str, set[str]]:
    rows = re.findall(r"^\| (`lethe_[^|]+) \|([^|]*)\| \w+ \|", DOCS.read_text(), re.MULTILINE)
    return {
        name: set(re.findall(r"`(\w+)`", labels))
        for names, labels in rows
        for name in re.findall(r"`(\w+)`", names)
    }


def test_counters_outlive_the_child_that_counted(verified: Watched) -> None:
    before = verified.ask(RUNS)
    (child,) = (
        process
        for process in psutil.Process(verified.worker.popen.pid).children()
        if (verified.folder / f"counter_{process.pid}.db").exists()  # the clock's counts nothing
    )
    child.kill()
    child.wait(20)
    asked = time.time()
    wait_until(lambda: verified.ask(f"min(timestamp(lethe_faces_embedded_total)) > {asked}"))
    assert sorted(map(str, verified.ask(RUNS))) == sorted(map(str, before))
