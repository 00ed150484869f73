"""The task ``erase``: one run forgets every person whose ticket waits for the model."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import structlog

from storage import keys, queue
from storage.leases import Lease
from storage.models import MODEL_FILE
from storage.progress import Progress
from storage.record import Record
from storage.settings import BadSettings, settings
from storage.states import ENDED, BadTransition, State
from storage.tickets import Ticket
from workers.app import app, outbox, record
from workers.attempts import ACTOR, RunChanged, attempt
from workers.certification import BadPolicy, Certification, Policy, certify
from workers.metrics import erasures, timed
from workers.publish import finish, publish
from workers.recognizer import Recognizer
from workers.run import NoPhotos, Run, load_run
from workers.sweep import IN_ERASURE
from workers.unlearning import Plan, Step, StoreCheckpoints, unlearn

log = structlog.get_logger()

# A ticket that an attempt leaves there is tried again, and goes on from the checkpoint.
RESUMED = frozenset({State.UNLEARNING, State.CERTIFYING, State.PUBLISHING})


@cache
def policy() -> Policy:
    """What every certificate is judged by: ``LETHE_POLICY``.

    Raises:
        BadSettings: there is no such policy, or its file cannot be used.
    """
    given = settings().policy
    try:
        return Policy.read(Path(given)) if given.endswith(".toml") else Policy.named(given)
    except BadPolicy as error:
        raise BadSettings(f"settings: LETHE_POLICY: {error}") from None


policy()  # a worker that could not judge does not start, let alone after minutes of unlearning


@app.task(name=queue.ERASE)  # type: ignore[untyped-decorator]
def erase(model: str) -> None:
    """queued → unlearning → certifying → publishing → completed, for all tickets of a model."""
    kept = record()
    kept.redis.delete(keys.sent("model", model))
    with kept.leases.hold("model", model) as lease:
        if lease is None:
            return  # another worker has the model and takes what is queued after its run
        tickets = _take(kept, model)
        if not tickets:
            return
        checkpoints = StoreCheckpoints(kept.objects, model, lease)
        with attempt(kept, [ticket.id for ticket in tickets]):
            _erase(kept, model, tickets, lease, checkpoints)
        if not any(kept.tickets.get(ticket.id).state in RESUMED for ticket in tickets):
            checkpoints.remove()
        more = kept.tickets.count(model, State.QUEUED)
    if more:
        outbox().erase(model)


def _take(kept: Record, model: str) -> list[Ticket]:
    """The tickets of the run: those that a crash left in mid-run alone, or those that wait.

    Others that came meanwhile would make it another run, which no checkpoint is of.
    """
    waiting = [
        kept.tickets.load(ticket)
        for state in reversed(IN_ERASURE)
        for ticket in kept.tickets.waiting(model, state)
    ]
    found = [ticket for ticket in waiting if ticket.state in IN_ERASURE]
    crashed = [ticket for ticket in found if ticket.state in RESUMED]
    return (crashed or found)[: kept.settings.tickets_per_run]


def _erase(
    kept: Record,
    model: str,
    tickets: Sequence[Ticket],
    lease: Lease,
    checkpoints: StoreCheckpoints,
) -> None:
    current = kept.models.find(model)
    open_tickets = finish(kept, model, tickets, lease)
    if not open_tickets:
        return
    with _cancellable(kept, open_tickets), tempfile.TemporaryDirectory(prefix="lethe-") as scratch:
        for ticket in open_tickets:
            kept.tickets.move(ticket.id, State.UNLEARNING, ACTOR)
        run = load_run(kept, current, open_tickets)
        new = Path(scratch) / MODEL_FILE
        with timed("unlearning"):
            _unlearn(kept, run, new, lease, checkpoints)
        with timed("certifying"):
            certification = _certify(kept, run, new, lease)
        if _refused(kept, run, certification):
            erasures.labels(model, "refused").inc()
            return
        with timed("publishing"):
            publish(kept, run, certification, new, lease)
    erasures.labels(model, "completed").inc()


def _unlearn(
    kept: Record, run: Run, new: Path, lease: Lease, checkpoints: StoreCheckpoints
) -> None:
    def watch(step: Step) -> None:
        _go_on(kept, run, State.UNLEARNING, lease)
        progress = Progress("unlearning", step.fraction, step.text, step.figures)
        for ticket in run.tickets:
            kept.progress.show(ticket.id, progress)

    subjects = [subject.forget for subject in run.subjects]
    cache = kept.settings.cache_dir / "activations"
    plan = Plan(seed=run.seed)
    result = unlearn(
        run.recognizer, subjects, run.reference.people, plan, watch, cache, checkpoints
    )
    run.recognizer.write(new, result.tensors)
    log.info("unlearned", model=run.version.model, seconds=round(result.seconds, 1))


def _go_on(kept: Record, run: Run, state: State, lease: Lease) -> None:
    """
    Raises:
        RunChanged: a ticket was cancelled.
        LeaseLost
    """
    lease.check()
    if any(kept.tickets.get(ticket.id).state is not state for ticket in run.tickets):
        raise RunChanged


@contextmanager
def _cancellable(kept: Record, tickets: Sequence[Ticket]) -> Iterator[None]:
    """When a ticket is cancelled in mid-run the others go back, and the run is made again.

    Raises:
        RunChanged: some ticket was cancelled; what that broke is not the others' failure.
    """
    try:
        yield
    except (RunChanged, BadTransition, NoPhotos):
        now = [kept.tickets.load(ticket.id) for ticket in tickets]
        left = [ticket for ticket in now if ticket.state not in ENDED]
        if len(left) == len(tickets):
            raise
        for ticket in left:
            if ticket.state in {State.UNLEARNING, State.CERTIFYING}:
                kept.tickets.move(ticket.id, State.QUEUED, ACTOR, note="the run is made again")
        raise RunChanged from None


def _certify(kept: Record, run: Run, new: Path, lease: Lease) -> Certification:
    def watch(text: str, fraction: float) -> None:
        _go_on(kept, run, State.CERTIFYING, lease)
        for ticket in run.tickets:
            kept.progress.show(ticket.id, Progress("certifying", fraction, text))

    for ticket in run.tickets:
        kept.tickets.move(ticket.id, State.CERTIFYING, ACTOR)
    return certify(
        run.recognizer,
        Recognizer.load(new),
        run.subjects,
        run.benchmark.people,
        policy(),
        seed=run.seed,
        verification_sets=run.verification,
        progress=watch,
    )


def _refused(kept: Record, run: Run, certification: Certification) -> bool:
    """Whether any ticket was refused; then nothing is published, and the others go back.

    A version that is published forgot everybody that it says it forgot.
    """
    refused = {
        ticket.id
        for ticket, subject in zip(run.tickets, run.subjects, strict=True)
        if certification.for_subject(subject.reference).verdict != "passed"
    }
    for ticket, subject in zip(run.tickets, run.subjects, strict=True):
        own = certification.for_subject(subject.reference)
        kept.redis.hincrby(keys.verdicts(run.version.model), own.verdict, 1)
        if ticket.id in refused:
            kept.tickets.move(
                ticket.id,
                State.NEEDS_REVIEW,
                ACTOR,
                note=own.refusal(),
                result={"verdict": own.verdict, "headline": own.headline, "summary": own.summary()},
                data={"certification": own.document()},
            )
        elif refused:
            kept.tickets.move(ticket.id, State.QUEUED, ACTOR, note="the run is made again")
    return bool(refused)
