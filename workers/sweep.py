"""The task ``sweep``: what a crash left lying goes back into the queue; strays are put right."""

from __future__ import annotations

import structlog

from storage import condition, keys, queue
from storage.errors import LetheError
from storage.record import Record
from storage.tickets import deadlines, retention, strays
from storage.tickets.states import State
from workers import import_model, kept_run
from workers.app import app, outbox, record
from workers.attempts import attempts, fail, resting

log = structlog.get_logger()

# A busy queue must not fill with the same task; a task that starts clears its mark.
SENT_SECONDS = 900
AT_ONCE = 200  # of each kind; what is sent is marked, so the next sweep looks at the others
ASKED = 1000  # keys that Redis is asked for at once
IN_PREPARATION = (State.APPROVED, State.PREPARING)
IN_ERASURE = (State.QUEUED, State.UNLEARNING, State.CERTIFYING, State.PUBLISHING)


@app.task(name=queue.SWEEP)  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Sends again what no live lease owns. A second delivery is harmless: the lease decides.

    What failed or was killed waits its time first; what used up its attempts fails.
    """
    kept = record()
    _put_right(kept)
    _keep_house(kept)
    _forget_sent(kept)
    import_model.send_again(kept)
    tickets = _waiting(kept, None, IN_PREPARATION)
    for ticket in _free(kept, "ticket", tickets)[:AT_ONCE]:
        if _lies(kept, "ticket", ticket, [ticket]):
            _sent(kept, "ticket", ticket, outbox().prepare(ticket))
    models = {model for model, state in kept.tickets.counts() if state in IN_ERASURE}
    for model in _free(kept, "model", sorted(models))[:AT_ONCE]:
        if _lies(kept, "model", model, _waiting(kept, model, IN_ERASURE)):
            _sent(kept, "model", model, outbox().erase(model))
    condition.swept(kept.redis)


def _forget_sent(kept: Record) -> None:
    """What an empty queue no longer holds was taken, and if nobody works on it, it was lost."""
    for kind, name in (("ticket", queue.CPU), ("import", queue.CPU), ("model", queue.GPU)):
        if not outbox().length(name):
            for key in kept.redis.scan_iter(keys.sent(kind, "*"), count=1000):
                kept.redis.delete(key)


def _put_right(kept: Record) -> None:
    """Tickets that the index lacks go into it; photos of submissions that died are removed."""
    found = strays.walk(kept)
    for ticket in (*found.indexed, *strays.refresh(kept)):
        log.info("indexed", ticket=ticket)
    for ticket in found.removed:
        log.warning("removed photos of a submission that never was", ticket=ticket)
    for ticket in found.broken:
        log.error("cannot be indexed; see lethe ledger verify", ticket=ticket)


def _keep_house(kept: Record) -> None:
    """Photos of ended tickets go, deadlines are told, old tickets leave the lists."""
    for ticket in retention.remove_all_photos(kept):
        log.info("removed photos", ticket=ticket)
    if late := retention.overdue(kept):
        log.error("photos of ended tickets are still there", tickets=late)
    for notice, tickets in deadlines.tell(kept).items():
        for ticket in tickets:
            log.warning(str(notice), ticket=ticket)
    for ticket in retention.archive_old(kept):
        log.info("archived", ticket=ticket)
    for model in kept_run.clear(kept):
        log.info("removed a checkpoint that no ticket needs", model=model)


def _waiting(kept: Record, model: str | None, states: tuple[State, ...]) -> list[str]:
    return [ticket for state in states for ticket in kept.tickets.waiting(model, state)]


def _free(kept: Record, kind: str, names: list[str]) -> list[str]:
    """Those of ``names`` that nobody holds, that no sweep has sent, and, of tickets, that have
    rested."""
    found = []
    for first in range(0, len(names), ASKED):
        some = names[first : first + ASKED]
        marks = [kept.redis.mget([keys.lease(kind, name) for name in some])]
        marks.append(kept.redis.mget([keys.sent(kind, name) for name in some]))
        if kind == "ticket":
            marks.append(kept.redis.mget([keys.rest(name) for name in some]))
        found += [
            name for name, *set_ in zip(some, *marks, strict=True) if set_ == [None] * len(set_)
        ]
    return found


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
