"""A run of two tickets, as a worker traces it, in a process of its own: `python -m …several`."""

from __future__ import annotations

from storage.record import Record
from storage.traces import tracing
from workers.task_context import certificate_of, run_of, stage

TICKETS = ("t000000000001", "t000000000002")
MODEL = "door-cameras"

if __name__ == "__main__":
    tracing.start("lethe-worker")
    record = Record.open()
    for ticket in TICKETS:
        with tracing.span("POST /tickets/new", {"lethe.ticket": ticket}):
            tracing.remember(record.redis, ticket)
    with run_of(record, MODEL, TICKETS), stage(record, MODEL, TICKETS, 1, "publishing"):
        for ticket in TICKETS:
            with certificate_of(record, ticket, MODEL, 2):
                pass
    tracing.stop()
