"""Erasures: for whoever answers that people are forgotten and everybody else is kept."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from charts.dashboards.board import board
from charts.dashboards.panels import BAD, DOUBT, GOOD, Query, Text, bars, lines, number, rows

DAY = 24 * 3600


def _figure(name: str) -> str:
    return f'max by (model) ({name}{{model=~"$model"}})'


FIRST, KEPT = _figure("lethe_retained_tmr_first"), _figure("lethe_retained_tmr")
FORGOTTEN, OLD = _figure("lethe_forget_tmr"), _figure("lethe_cross_version_tmr")
ENDED = 'sum by (result) (increase(lethe_erasures_total{model=~"$model"}[$__range]))'
VERDICTS = 'sum by (verdict) (max by (model, verdict) (lethe_verdicts_total{model=~"$model"}))'


def dashboard() -> Dashboard:
    return board(
        "lethe-erasures",
        "Erasures: forgotten and kept",
        "What the certificates say of each model, what the erasures cost everybody else over its "
        "versions, and whether the record that proves it is whole.",
        {"Now": _NOW, "Each model": _MODELS, "Over versions": _OVER, "Runs and verdicts": _RUNS},
    )


_NOW = [
    number(
        Text(
            "Most recognised",
            "The highest TMR of subjects' held-out photos among the models: at most so many of "
            "their comparisons still match.",
            "percentunit",
            "/models",
        ),
        f"max({FORGOTTEN})",
        {0.1: DOUBT, 0.2: BAD},
    ),
    number(
        Text(
            "Greatest loss",
            "How far the TMR of the benchmark people fell since the first erasure, in the model "
            "that lost most.",
            "percentunit",
            "/models",
        ),
        f"max({FIRST} - {KEPT})",
        {0.02: DOUBT, 0.03: BAD},
    ),
    number(
        Text(
            "Refused, for review",
            "Tickets whose certificate was refused and that wait for somebody.",
            "short",
            "/tickets?state=needs_review",
        ),
        'sum(max by (model) (lethe_tickets{model=~"$model", state="needs_review"})) or vector(0)',
        {1: DOUBT},
    ),
    number(
        Text(
            "Broken links",
            "What the record's last verification found missing or altered.",
            "short",
            "/audit",
        ),
        "max(lethe_ledger_broken)",
        {1: BAD},
    ),
    number(
        Text(
            "Last verification",
            "Since the record was last verified from end to end.",
            "dtdurations",
            "/audit",
        ),
        "time() - max(lethe_ledger_verified_timestamp_seconds)",
        {8 * DAY: DOUBT},
    ),
    number(
        Text(
            "Photos overdue",
            "Ended tickets whose photos should be gone and are not.",
            "short",
            "/system",
        ),
        "max(lethe_photos_overdue)",
        {1: BAD},
    ),
]
_MODELS = [
    rows(
        Text(
            "Figures of the last erasure",
            "Of each model: TMR of the subjects' unseen photos (forgotten), of their old templates "
            "against new probes, of everybody else now and before the first erasure.",
            "percentunit",
        ),
        {
            "forgotten": FORGOTTEN,
            "old templates": OLD,
            "everybody else": KEPT,
            "before": FIRST,
        },
        {"model": "/models/{}"},
        span=24,
    )
]
_OVER = [
    lines(
        Text(
            "Everybody else's TMR",
            "Of the benchmark people, in the ten models where it is lowest. Each erasure may cost "
            "a little; the sum must not creep away.",
            "percentunit",
        ),
        [Query(f"bottomk(10, {KEPT})", "{{model}}")],
    ),
    lines(
        Text(
            "Loss since the first erasure",
            "In the ten models that lost most; the alert comes above three points.",
            "percentunit",
        ),
        [Query(f"topk(10, {FIRST} - {KEPT})", "{{model}}")],
        {0.02: DOUBT, 0.03: BAD},
    ),
    lines(
        Text(
            "Subjects' TMR",
            "Of held-out photos after the last erasure, in the ten models where it is highest.",
            "percentunit",
        ),
        [Query(f"topk(10, {FORGOTTEN})", "{{model}}")],
        {0.1: DOUBT, 0.2: BAD},
    ),
    lines(
        Text(
            "Subjects' old templates",
            "TMR of templates from before against new probes, in the ten models where it is "
            "highest: galleries that were not embedded again.",
            "percentunit",
        ),
        [Query(f"topk(10, {OLD})", "{{model}}")],
        {0.1: DOUBT, 0.2: BAD},
    ),
    lines(
        Text("Version", "That the alias points at: steps are publications and rollbacks.", "short"),
        [
            Query(
                'max by (model, alias) (lethe_model_version{model=~"$model"})',
                "{{model}}@{{alias}}",
            )
        ],
        span=24,
    ),
]
_RUNS = [
    bars(
        Text(
            "Runs, by result",
            "In the time that is shown. A run forgets all whose tickets waited; one that failed is "
            "tried again.",
            "short",
        ),
        Query(ENDED, "{{result}}"),
        {float("-inf"): GOOD},
    ),
    bars(
        Text("Verdicts", "Of all certifications since Redis is new.", "short"),
        Query(VERDICTS, "{{verdict}}"),
        {float("-inf"): GOOD},
    ),
]
