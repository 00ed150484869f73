"""Tickets and deadlines: for whoever answers that each request is met in time."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from charts.dashboards.board import board
from charts.dashboards.panels import BAD, DOUBT, GOOD, Query, Text, bars, lines, number, rows

DAY = 24 * 3600
ENDED = "completed|denied|cancelled"
# Every replica of web says the same, so one of them is taken.
TICKETS = 'max by (model, state) (lethe_tickets{{model=~"$model", state{}}})'
OPEN, OVER = TICKETS.format(f'!~"{ENDED}"'), TICKETS.format(f'=~"{ENDED}"')
PEOPLE = TICKETS.format('=~"submitted|needs_photos|needs_review|failed"')
DEADLINE = 'max by (model, ticket) (lethe_ticket_deadline_seconds{model=~"$model"})'
STAGES = "sum by (stage, le) (increase(lethe_stage_duration_seconds_bucket[{}]))"


def dashboard() -> Dashboard:
    return board(
        "lethe-tickets",
        "Tickets and deadlines",
        "Which requests are open, what is due, where they stand, and how long each stage takes.",
        {
            "Now": _NOW,
            "Deadlines": _DEADLINES,
            "Where tickets are": _WHERE,
            "How long it takes": _STAGES,
        },
    )


_NOW = [
    number(
        Text("Open tickets", "Not completed, denied or cancelled.", "short", "/tickets"),
        f"sum({OPEN}) or vector(0)",
    ),
    number(
        Text(
            "Deadlines missed",
            "Open tickets whose deadline has passed, of all models. Each may break the law's time.",
            "short",
            "/tickets?due=overdue&sort=deadline",
        ),
        "max(lethe_deadlines_missed)",
        {1: BAD},
    ),
    number(
        Text(
            "Due soon",
            "Open tickets due within LETHE_DEADLINE_WARNING_DAYS, of all models.",
            "short",
            "/tickets?due=7&sort=deadline",
        ),
        "max(lethe_deadlines_near)",
        {1: DOUBT},
    ),
    number(
        Text(
            "Wait for people",
            "To be approved, given photos, reviewed, or tried again after a failure.",
            "short",
            "/",
        ),
        f"sum({PEOPLE}) or vector(0)",
    ),
    number(
        Text(
            "Do not move",
            "Approved or in a worker's hands, and not moved for a day, of all models.",
            "short",
            "/system",
        ),
        "max(lethe_tickets_stuck)",
        {1: DOUBT},
    ),
    number(
        Text(
            "Photos overdue",
            "Ended tickets whose photos should be gone and are not, of all models.",
            "short",
            "/system",
        ),
        "max(lethe_photos_overdue)",
        {1: BAD},
    ),
]
_DEADLINES = [
    rows(
        Text(
            "The next deadlines",
            "Open tickets by the time that is left; what is below zero is late.",
            "dtdurations",
            "/tickets?sort=deadline",
        ),
        {"left": f"sort(bottomk(20, {DEADLINE}))"},
        {"ticket": "/tickets/{}", "model": "/models/{}"},
        {float("-inf"): BAD, 0: DOUBT, 7 * DAY: GOOD},
    ),
    lines(
        Text(
            "Time to the next deadline",
            "Of the open ticket that is due first. It should never come to zero.",
            "dtdurations",
        ),
        [Query(f"min by (model) ({DEADLINE})", "{{model}}")],
        {float("-inf"): BAD, 0: DOUBT, 7 * DAY: GOOD},
    ),
]
_WHERE = [
    lines(
        Text("Open tickets by state", "How many wait for what.", "short", "/tickets"),
        [Query(f"sum by (state) ({OPEN})", "{{state}}")],
        stacked=True,
    ),
    bars(
        Text("Models with most open tickets", "The ten with most.", "short", "/models"),
        Query(f"sort_desc(topk(10, sum by (model) ({OPEN})))", "{{model}}"),
    ),
    lines(
        Text(
            "Ended tickets",
            "Those that lists show: old ones leave them after LETHE_RETENTION_DAYS.",
            "short",
            "/tickets",
        ),
        [Query(f"sum by (state) ({OVER})", "{{state}}")],
        stacked=True,
    ),
    bars(
        Text(
            "Photos refused, by reason",
            "In preparation, in the time that is shown. Many of one kind: tell requesters.",
            "short",
        ),
        Query(
            "sort_desc(sum by (reason) (increase(lethe_photos_rejected_total[$__range])))",
            "{{reason}}",
        ),
    ),
]
_STAGES = [
    lines(
        Text(
            "Duration of a stage, nine in ten",
            "Nine in ten were done by then, of those that ended within an hour. The dots are "
            "tickets.",
            "s",
        ),
        [Query(f"histogram_quantile(0.9, {STAGES.format('1h')})", "{{stage}}", exemplars=True)],
    ),
    bars(
        Text(
            "Duration of a stage, half of them",
            "The median, over the time that is shown.",
            "s",
        ),
        Query(f"histogram_quantile(0.5, {STAGES.format('$__range')})", "{{stage}}"),
    ),
    lines(
        Text("Stages that ended", "In the hour before.", "short"),
        [Query("sum by (stage) (increase(lethe_stage_duration_seconds_count[1h]))", "{{stage}}")],
        span=24,
    ),
]
