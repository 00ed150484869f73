"""The task ``sweep``: what a crash left lying goes back into the queue."""

from __future__ import annotations

import structlog

from storage import keys, queue
from storage.record import Record
from storage.states import State
from workers.app import app, outbox, record

log = structlog.get_logger()

# A busy queue must not fill with the same task; a task that starts clears its mark.
SENT_SECONDS = 900
IN_ERASURE = (State.QUEUED, State.UNLEARNING, State.CERTIFYING, State.PUBLISHING)


@app.task(name=queue.SWEEP)  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Sends again what no live lease owns. A second delivery is harmless: the lease decides."""
    kept = record()
    for model in kept.models.all():
        for state in (State.APPROVED, State.PREPARING):
            for ticket in kept.tickets.waiting(model.name, state):
                if _lies(kept, "ticket", ticket):
                    outbox().prepare(ticket)
                    log.info("sent again", ticket=ticket, state=state)
        waiting = any(kept.tickets.count(model.name, state) for state in IN_ERASURE)
        if waiting and _lies(kept, "model", model.name):
            outbox().erase(model.name)
            log.info("sent again", model=model.name)


def _lies(kept: Record, kind: str, name: str) -> bool:
    """Nobody works on it and the sweep has not sent it; if so, marks it as sent."""
    if kept.leases.held(kind, name):
        return False
    return bool(kept.redis.set(keys.sent(kind, name), 1, nx=True, ex=SENT_SECONDS))
