"""What comes between: cancellations, crashes, refusals, leases lost and leases held elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

import workers.erase
from storage import keys, object_names
from storage.certificates.issued import Certificates
from storage.leases import LeaseLost
from storage.queue import GPU
from storage.store.objects import ObjectStore
from storage.tickets.states import State
from storage.uploads.images import Pixels
from tests.workers.cast import RECOGNISER, Cast
from tests.workers.erased import Erased, Replay, Unlearner, use
from tests.workers.short import SHORT, Watcher
from tests.workers.workshop import MODEL, Workshop
from workers.certification import certify
from workers.certification.attacks import relearning
from workers.certification.evidence import Progress
from workers.erase import erase
from workers.faces import load_face_set
from workers.kept_run import settle
from workers.recognizer import Recognizer
from workers.sweep import sweep
from workers.unlearning import Plan, Step, snapshot, unlearn
from workers.unlearning.loop import Unlearned
from workers.unlearning.store_checkpoints import StoreCheckpoints

Using = Callable[..., Unlearner]
Moment = Callable[[], object]


def _nothing() -> None:
    """Nobody comes between."""


@pytest.fixture(autouse=True)
def _short_attack(monkeypatch: pytest.MonkeyPatch) -> None:
    """Certifications are real; but the attack that takes most of their time ends after a step."""
    for name, value in (("LOOKS", (0, 1)), ("BUDGET", 1), ("CAP", 1)):
        monkeypatch.setattr(relearning, name, value)


@pytest.fixture
def using(erased: Erased, monkeypatch: pytest.MonkeyPatch) -> Using:
    """Tickets are erased with the weights of a run that was made before."""

    def put(during: Moment = _nothing, after: Moment = _nothing) -> Unlearner:
        unlearner = Replay(given=erased.result, during=during, after=after)
        use(monkeypatch, unlearner)
        return unlearner

    return put


def certified(workshop: Workshop) -> set[str]:
    return set(workshop.record.certificates.recorded())


def numbers(workshop: Workshop) -> list[int]:
    return workshop.record.models.numbers(MODEL)


def check_one_cancelled(workshop: Workshop, cancelled: str, completed: str) -> None:
    """The run was stopped; the next one completes the other ticket alone."""
    assert workshop.state(cancelled) is State.CANCELLED
    assert workshop.state(completed) is State.QUEUED
    assert numbers(workshop) == [1]
    erase(MODEL)
    assert workshop.state(cancelled) is State.CANCELLED
    assert workshop.state(completed) is State.COMPLETED
    assert workshop.record.photos.left(cancelled) == 0
    assert certified(workshop) == {completed}
    version = workshop.record.models.find(MODEL)
    assert (version.number, version.made_by["tickets"]) == (2, [completed])


def test_one_of_two_is_cancelled_during_unlearning_and_the_other_completes(
    workshop: Workshop, cast: Cast, using: Using
) -> None:
    first, second = workshop.queued(cast.subject), workshop.queued(cast.other_subject)
    waiting = workshop.queue.length(GPU)
    unlearner = using(during=lambda: _once(workshop, second))
    erase(MODEL)
    assert workshop.queue.length(GPU) == waiting + 1
    check_one_cancelled(workshop, second, first)
    assert [len(subjects) for subjects in unlearner.subjects] == [2, 1]


def test_one_of_two_is_cancelled_right_before_certification_and_the_other_completes(
    workshop: Workshop, cast: Cast, using: Using
) -> None:
    first, second = workshop.queued(cast.subject), workshop.queued(cast.other_subject)
    using(after=lambda: _once(workshop, second))
    erase(MODEL)
    check_one_cancelled(workshop, second, first)


def test_one_of_two_is_cancelled_during_certification_and_the_other_completes(
    workshop: Workshop, cast: Cast, using: Using, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = workshop.queued(cast.subject), workshop.queued(cast.other_subject)
    using()
    told: list[str] = []

    def certify_slowly(*given: object, progress: Progress, **named: object) -> object:
        def report(doing: str, share: float) -> None:
            told.append(doing)
            if len(told) == 3:
                _once(workshop, first)
            progress(doing, share)

        return certify(*given, progress=report, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(workers.erase, "certify", certify_slowly)
    erase(MODEL)
    assert told == ["embedding"] * 3  # the minutes of attacks are not waited for
    check_one_cancelled(workshop, first, second)


def _once(workshop: Workshop, ticket: str) -> None:
    if workshop.state(ticket) is not State.CANCELLED:
        workshop.desk.cancel(ticket, "ada")


def test_a_worker_killed_before_the_certificate_was_written_leaves_no_second_version(
    workshop: Workshop, cast: Cast, using: Using, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = workshop.queued(cast.subject)
    unlearner = using()
    with monkeypatch.context() as patch:
        patch.setattr(Certificates, "keep", _dies)
        erase(MODEL)
    assert workshop.state(ticket) is State.PUBLISHING
    assert numbers(workshop) == [1, 2]
    assert workshop.record.models.find(MODEL).number == 1
    erase(MODEL)
    assert workshop.state(ticket) is State.COMPLETED
    assert numbers(workshop) == [1, 2]
    assert len(unlearner.results) == 1
    assert workshop.record.models.find(MODEL).number == 2
    assert workshop.record.photos.left(ticket) == 0
    assert workshop.record.ledger.verify().broken == ()


def _dies(*_: object) -> None:
    raise MemoryError


@dataclass
class Short(Unlearner):
    """A real run of seconds that writes a checkpoint at every check."""

    watcher: Watcher = field(default_factory=Watcher)

    def make(self, *given: Any) -> Unlearned:
        recognizer, subjects, reference, watch, cache, checkpoints = given

        def both(step: Step) -> None:
            watch(step)
            self.watcher(step)

        plan = Plan(**SHORT)
        return unlearn(recognizer, subjects, reference, plan, both, cache, checkpoints)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Short:
    monkeypatch.setattr(snapshot, "CHECKPOINT_SECONDS", 0.0)
    unlearner = Short()
    use(monkeypatch, unlearner)
    return unlearner


def runs(workshop: Workshop) -> list[str]:
    return list(workshop.record.objects.names("runs/"))


def test_a_worker_killed_in_mid_training_goes_on_at_its_checkpoint(
    workshop: Workshop, cast: Cast, short: Short
) -> None:
    ticket = workshop.queued(cast.subject)
    short.watcher = Watcher(30, _dies)
    erase(MODEL)
    assert workshop.state(ticket) is State.UNLEARNING
    assert runs(workshop) == [object_names.checkpoint(MODEL), object_names.run_tickets(MODEL)]
    later = workshop.queued(cast.other_subject)  # would be another run with other weights
    short.watcher = Watcher()
    erase(MODEL)
    assert short.watcher.texts[:2] == ["resumed at step 20 of 40", "forgetting: step 30 of 40"]
    assert [len(subjects) for subjects in short.subjects] == [1, 1]
    assert workshop.state(later) is State.QUEUED
    assert workshop.state(ticket) in {State.COMPLETED, State.NEEDS_REVIEW}
    assert runs(workshop) == []
    unbroken = unlearn(
        Recognizer.load(RECOGNISER),
        short.subjects[1],
        workshop_reference(workshop),
        Plan(**SHORT),
    )
    (resumed,) = short.results
    for name, values in unbroken.tensors.items():
        assert np.array_equal(values, resumed.tensors[name])


def workshop_reference(workshop: Workshop) -> dict[str, Pixels]:
    return dict(load_face_set(workshop.record, "reference", 112).people)


def test_a_ticket_that_is_cancelled_after_a_crash_leaves_no_checkpoint(
    workshop: Workshop, cast: Cast, short: Short
) -> None:
    ticket = workshop.queued(cast.subject)
    short.watcher = Watcher(20, _dies)
    erase(MODEL)
    assert runs(workshop) == [object_names.checkpoint(MODEL), object_names.run_tickets(MODEL)]
    workshop.desk.cancel(ticket, "ada")
    sweep()
    assert runs(workshop) == []


def test_a_ticket_that_is_cancelled_in_mid_training_leaves_no_checkpoint(
    workshop: Workshop, cast: Cast, short: Short
) -> None:
    first, second = workshop.queued(cast.subject), workshop.queued(cast.other_subject)
    short.watcher = Watcher(20, lambda: _once(workshop, second))
    erase(MODEL)
    assert workshop.state(first) is State.QUEUED
    assert short.results == []
    assert runs(workshop) == []


def test_a_checkpoint_is_written_by_the_holder_of_the_lease_alone(workshop: Workshop) -> None:
    objects, leases = workshop.record.objects, workshop.record.leases
    with leases.hold("model", MODEL) as lease:
        assert lease is not None
        place = StoreCheckpoints(objects, MODEL, ["a-ticket"], lease)
        assert place.load() is None
        place.save(b"one")
        place.save(b"two")
        assert place.load() == b"two"
        workshop.record.redis.delete(keys.lease("model", MODEL))
        with pytest.raises(LeaseLost):
            place.save(b"three")
        with pytest.raises(LeaseLost):
            settle(workshop.record, MODEL, lease)
        assert place.load() == b"two"


def test_a_model_whose_name_begins_alike_keeps_its_checkpoint(workshop: Workshop) -> None:
    workshop.record.objects.put(object_names.checkpoint(f"{MODEL}-2"), b"another's")
    with workshop.record.leases.hold("model", MODEL) as lease:
        assert lease is not None
        assert not settle(workshop.record, MODEL, lease)
    assert runs(workshop) == [object_names.checkpoint(f"{MODEL}-2")]


def test_a_store_that_refuses_a_checkpoint_does_not_stop_the_run(workshop: Workshop) -> None:
    stranger = workshop.settings.model_copy(update={"s3_secret_key": SecretStr("wrong")})
    with workshop.record.leases.hold("model", MODEL) as lease, capture_logs() as logs:
        assert lease is not None
        place = StoreCheckpoints(ObjectStore.from_settings(stranger), MODEL, ["a-ticket"], lease)
        place.save(b"one")
    (line,) = logs
    assert (line["event"], line["error"]) == ("checkpoint not written", "StoreRefused")


def test_a_refused_certificate_leaves_the_version_and_the_photos_and_names_the_rule(
    workshop: Workshop, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = workshop.queued(cast.subject)
    held = workshop.record.photos.left(ticket)
    nothing = Unlearned({}, "", 0, 0.0, {})
    use(monkeypatch, Replay(given=nothing), "default")
    erase(MODEL)
    assert workshop.states(ticket)[-2:] == ["certifying", "needs_review"]
    assert "forgotten" in workshop.load(ticket).note
    assert workshop.load(ticket).result["verdict"] == "refused"
    assert workshop.load(ticket).result["headline"]["forget_tmr_after"] >= 0.9
    assert numbers(workshop) == [1]
    assert certified(workshop) == set()
    assert workshop.record.photos.left(ticket) == held
    assert workshop.record.redis.hgetall(keys.verdicts(MODEL)) == {"refused": "1"}


def test_a_refused_ticket_is_erased_after_a_retry(
    workshop: Workshop, cast: Cast, using: Using, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = workshop.queued(cast.subject)
    use(monkeypatch, Replay(given=Unlearned({}, "", 0, 0.0, {})))
    erase(MODEL)
    using()
    workshop.desk.retry(ticket, "grace")
    erase(MODEL)
    assert workshop.state(ticket) is State.COMPLETED
    assert numbers(workshop) == [1, 2]


def test_a_task_delivered_while_another_worker_holds_the_model_does_nothing(
    workshop: Workshop, cast: Cast, using: Using
) -> None:
    ticket = workshop.queued(cast.subject)
    unlearner = using()
    with workshop.record.leases.hold("model", MODEL) as lease:
        assert lease is not None
        erase(MODEL)
    assert workshop.state(ticket) is State.QUEUED
    assert unlearner.subjects == []


@pytest.mark.parametrize(
    ("moment", "state"), [("during", State.UNLEARNING), ("after", State.CERTIFYING)]
)
def test_a_worker_that_lost_its_lease_stops_without_writing(
    workshop: Workshop, cast: Cast, using: Using, moment: str, state: State
) -> None:
    ticket = workshop.queued(cast.subject)
    using(**{moment: lambda: workshop.record.redis.delete(keys.lease("model", MODEL))})
    erase(MODEL)
    assert workshop.state(ticket) is state
    assert numbers(workshop) == [1]
    assert certified(workshop) == set()
    assert workshop.record.photos.left(ticket) > 30
    using()
    erase(MODEL)
    assert workshop.state(ticket) is State.COMPLETED
    assert numbers(workshop) == [1, 2]


def test_a_subject_who_is_in_the_face_sets_is_left_out_of_both(
    workshop: Workshop, cast: Cast, using: Using, monkeypatch: pytest.MonkeyPatch
) -> None:
    employee = {"employee-17": cast.same_person}
    workshop.record.faces.add("with-subject", {**cast.reference, **employee})
    workshop.record.faces.add("judges-with-subject", {**cast.benchmark, **employee})
    workshop.name_face_sets("with-subject", "judges-with-subject")
    ticket = workshop.queued(cast.subject)
    unlearner = using()
    judged: list[set[str]] = []

    def certify_seen(old: Recognizer, new: Recognizer, *given: object, **named: object) -> object:
        judged.append(set(given[1]))  # type: ignore[call-overload]
        return certify(old, new, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(workers.erase, "certify", certify_seen)
    erase(MODEL)
    assert workshop.state(ticket) is State.COMPLETED
    assert unlearner.reference == [set(cast.reference)]
    assert judged == [set(cast.benchmark)]
