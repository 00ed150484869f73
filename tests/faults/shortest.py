"""The shortest run that has every stage, for workers that are to be killed in each of them."""

from __future__ import annotations

from functools import partial
from typing import Any

from workers.certification import certify, report_html
from workers.unlearning import Plan

STEPS = 20
# It learns next to nothing, and the policy asks for nothing: the way of a ticket is looked at.
PLAN = Plan(
    seed=0,
    steps=STEPS,
    learning_rate=1e-5,
    light_batch=4,
    strong_batch=2,
    reference_batch=4,
    light_views=1,
    strong_views=1,
)


def plan(seed: int) -> Plan:  # noqa: ARG001 - it must not hang on the ticket's id
    return PLAN


def plain_report(body: dict[str, Any], _: object) -> bytes:
    """Without its drawings, which take a third of so short a run."""
    return report_html(body)


# module → name in it → what stands there
SHORTER: dict[str, dict[str, Any]] = {
    "workers.erase": {"Plan": plan, "certify": partial(certify, attacks=frozenset())},
    "workers.publish": {"report_html": plain_report},
}
