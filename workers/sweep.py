"""The task ``sweep``: what a crash left lying goes back into the queue; strays are put right."""

from __future__ import annotations

import structlog

from storage import keys, queue, strays
from storage.errors import LetheError
from storage.record import Record
from storage.states import State
from workers.app import app, outbox, record
from workers.attempts import attempts, fail, resting

log = structlog.get_logger()

# A busy queue must not fill with the same task; a task that starts clears its mark.
SENT_SECONDS = 900
IN_PREPARATION = (State.APPROVED, State.PREPARING)
IN_ERASURE = (State.QUEUED, State.UNLEARNING, State.CERTIFYING, State.PUBLISHING)


@app.task(name=queue.SWEEP)  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Sends again what no live lease owns. A second delivery is harmless: the lease decides.

    What failed or was killed waits its time first; what used up its attempts fails.
    """
    kept = record()
    _put_right(kept)
    for model in kept.models.all():
        for ticket in _waiting(kept, model.name, IN_PREPARATION):
            if _lies(kept, "ticket", ticket, [ticket]):
                _sent(kept, "ticket", ticket, outbox().prepare(ticket))
        if _lies(kept, "model", model.name, _waiting(kept, model.name, IN_ERASURE)):
            _sent(kept, "model", model.name, outbox().erase(model.name))


def _put_right(kept: Record) -> None:
    """Tickets that the index lacks go into it; photos of submissions that died are removed."""
    found = strays.walk(kept)
    for ticket in found.indexed:
        log.info("indexed", ticket=ticket)
    for ticket in found.removed:
        log.warning("removed photos of a submission that never was", ticket=ticket)
    for ticket in found.broken:
        log.error("cannot be indexed; see lethe ledger verify", ticket=ticket)


def _waiting(kept: Record, model: str, states: tuple[State, ...]) -> list[str]:
    return [ticket for state in states for ticket in kept.tickets.waiting(model, state)]


def _lies(kept: Record, kind: str, name: str, tickets: list[str]) -> bool:
    """Nobody works on it, it has rested, and the sweep has not sent it; if so, marks it as sent."""
    if kept.leases.held(kind, name):
        return False
    counts, most = attempts(kept, tickets), kept.settings.task_attempts
    if spent := [ticket for ticket in tickets if counts[ticket] >= most]:
        _give_up(kept, kind, name, spent)
    left = [ticket for ticket in tickets if counts[ticket] < most]
    if not left or resting(kept, left):
        return False
    return bool(kept.redis.set(keys.sent(kind, name), 1, nx=True, ex=SENT_SECONDS))


def _give_up(kept: Record, kind: str, name: str, tickets: list[str]) -> None:
    """Fails tickets whose worker was killed the last time: nobody else could say so."""
    with kept.leases.hold(kind, name) as lease:
        if lease is None:
            return  # the last attempt has just begun
        for ticket, count in attempts(kept, tickets).items():
            if count < kept.settings.task_attempts:
                continue  # it went well after all, meanwhile
            try:
                fail(kept, [ticket], f"tried {count} times; the last time its worker was killed")
            except LetheError as error:  # one broken chain must not keep all others from the queue
                log.error("cannot be failed", ticket=ticket, error=type(error).__name__)
            else:
                log.error("given up", ticket=ticket, attempt=count)


def _sent(kept: Record, kind: str, name: str, taken: bool) -> None:
    if taken:
        log.info("sent again", **{kind: name})
    else:
        kept.redis.delete(keys.sent(kind, name))  # the next sweep tries again
