"""The task ``erase``: one run forgets every person whose ticket waits for the model."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import structlog

from storage import keys, queue
from storage.leases import Lease, LeaseLost
from storage.models.registry import MODEL_FILE, Version
from storage.record import Record
from storage.settings import BadSettings, settings
from storage.store.objects import StoreRefused, StoreUnavailable
from storage.tickets.progress import Progress
from storage.tickets.states import ENDED, BadTransition, State
from storage.tickets.ticket import Ticket
from workers import stopping
from workers.app import app, outbox, record
from workers.attempts import ACTOR, RunChanged, attempt, fail, take_back
from workers.certification import BadPolicy, Certification, Policy, certify
from workers.kept_run import settle
from workers.metrics import counted, erasures
from workers.pace import Pace
from workers.publish import finish, publish
from workers.recognizer import Recognizer
from workers.run import Run, Unusable, load_run
from workers.shards.division import Division, divided
from workers.stopping import or_let_go
from workers.take import take, waits
from workers.task_context import run_of, stage
from workers.unlearning import Plan, Step, unlearn
from workers.unlearning.store_checkpoints import StoreCheckpoints

log = structlog.get_logger()


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
        _work(kept, model, lease)
    # Asked without the lease: whoever came while it was held left, and what came with him waits.
    if waits(kept, model):
        outbox().erase(model)


def _work(kept: Record, model: str, lease: Lease) -> None:
    tickets = take(kept, model)
    ids = [ticket.id for ticket in tickets]
    if tickets:
        let_go = partial(_let_go, kept, model, ids, lease)
        with (
            run_of(kept, model, ids),
            or_let_go(let_go),
            attempt(kept, ids),
            _apart(kept, tickets),
            counted(model),
        ):
            _erase(kept, model, tickets, lease)
    try:
        settle(kept, model, lease)
    except (LeaseLost, StoreRefused, StoreUnavailable) as error:  # a sweep does it
        log.warning("checkpoint not removed", model=model, error=type(error).__name__)


def _let_go(kept: Record, model: str, tickets: Sequence[str], lease: Lease) -> None:
    """Another worker goes on at once; what this one may yet do, it does without the lease."""
    take_back(kept, tickets)
    lease.release()
    outbox().erase(model)
    log.info("let go", model=model, tickets=list(tickets))


def _erase(kept: Record, model: str, given: Sequence[Ticket], lease: Lease) -> None:
    current = kept.models.find(model)
    tickets = finish(kept, model, given, lease)
    if len(tickets) < len(given):
        erasures.labels(model, "completed").inc()
    if not tickets:
        return
    at = partial(stage, kept, model, [ticket.id for ticket in tickets], current.number)
    with (
        tempfile.TemporaryDirectory(prefix="lethe-") as scratch,
        divided(kept, model) as division,
    ):
        for ticket in tickets:
            kept.tickets.move(ticket.id, State.UNLEARNING, ACTOR)
        new = Path(scratch) / MODEL_FILE
        with at("unlearning"), kept.progress.timed(model, "unlearning"):
            run = _unlearn(kept, current, tickets, new, lease, division)
        with at("certifying"), kept.progress.timed(model, "certifying"):
            certification = _certify(kept, run, new, lease, division)
        if _refused(kept, run, certification):
            erasures.labels(model, "refused").inc()
            return
        with at("publishing"), kept.progress.timed(model, "publishing"):
            publish(kept, run, certification, new, lease)
    erasures.labels(model, "completed").inc()


def _unlearn(
    kept: Record,
    version: Version,
    tickets: Sequence[Ticket],
    new: Path,
    lease: Lease,
    division: Division,
) -> Run:
    go_on = partial(_go_on, kept, tickets, State.UNLEARNING, lease)
    division.go_on = Pace(go_on)
    run = load_run(kept, version, tickets, division)

    def watch(step: Step) -> None:
        go_on()
        progress = Progress("unlearning", step.fraction, step.text, step.figures)
        for ticket in run.tickets:
            kept.progress.show(ticket.id, progress)

    subjects = [subject.forget for subject in run.subjects]
    cache = kept.settings.cache_dir / "activations"
    plan = replace(Plan(seed=run.seed), processes=kept.settings.train_gpus)
    ids = [ticket.id for ticket in run.tickets]
    checkpoints = StoreCheckpoints(kept.objects, version.model, ids, lease)
    result = unlearn(
        run.recognizer, subjects, run.reference.people, plan, watch, cache, checkpoints
    )
    run.recognizer.write(new, result.tensors)
    log.info("unlearned", model=run.version.model, seconds=round(result.seconds, 1))
    return replace(run, method=plan.method)


def _go_on(kept: Record, tickets: Sequence[Ticket], state: State, lease: Lease) -> None:
    """
    Raises:
        RunChanged: a ticket was cancelled.
        LeaseLost
        Stopping: the worker was asked to end.
    """
    lease.check()
    stopping.check()
    for ticket in tickets:
        if kept.tickets.get(ticket.id).state is state:
            continue
        # The index may be behind, where Redis was away for a moment.
        if kept.tickets.reindex(ticket.id).state is not state:
            raise RunChanged


@contextmanager
def _apart(kept: Record, tickets: Sequence[Ticket]) -> Iterator[None]:
    """When a ticket is cancelled in mid-run, or its photos cannot be used, the others go back,
    and the run is made again.

    Raises:
        RunChanged: some ticket was; what that broke is not the others' failure.
    """
    try:
        yield
    except (RunChanged, BadTransition, Unusable) as error:
        if isinstance(error, Unusable):
            log.warning("refused", error=type(error).__name__, tickets=[error.ticket])
            fail(kept, [error.ticket], str(error))
        now = [kept.tickets.load(ticket.id) for ticket in tickets]
        left = [ticket for ticket in now if ticket.state not in ENDED | {State.FAILED}]
        if len(left) == len(tickets):
            raise
        for ticket in left:
            if ticket.state in {State.UNLEARNING, State.CERTIFYING}:
                kept.tickets.move(ticket.id, State.QUEUED, ACTOR, note="the run is made again")
        raise RunChanged from None


def _certify(kept: Record, run: Run, new: Path, lease: Lease, division: Division) -> Certification:
    def watch(text: str, fraction: float) -> None:
        go_on()
        for ticket in run.tickets:
            kept.progress.show(ticket.id, Progress("certifying", fraction, text))

    go_on = partial(_go_on, kept, run.tickets, State.CERTIFYING, lease)
    for ticket in run.tickets:
        kept.tickets.move(ticket.id, State.CERTIFYING, ACTOR)
    made = Recognizer.load(new)
    run.recognizer.before_batch = made.before_batch = division.go_on = Pace(go_on)
    return certify(
        run.recognizer,
        made,
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
