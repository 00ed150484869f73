"""Certifying: two versions of a model and photos in, figures and a verdict out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from workers.certification import verification
from workers.certification.attacks import (
    membership,
    pooled,
    probe,
    prototype,
    relearning,
    replay,
    views,
)
from workers.certification.attacks.membership import Membership, TrainingSet, claim
from workers.certification.catalogue import ATTACKS as ATTACK_TITLES
from workers.certification.certification import Certification, Figures
from workers.certification.curves import curves, subject_curves
from workers.certification.evidence import (
    Progress,
    Subject,
    SubjectTemplates,
    check_disjoint,
    gather,
)
from workers.certification.figures import Figure, missing
from workers.certification.forgotten import Forgotten
from workers.certification.policy import Policy
from workers.certification.retained import Benchmark
from workers.certification.templates import Crops, Embedder
from workers.certification.verification import VerificationSet

# Attacks that work on templates and pooled features alone.
ON_TEMPLATES: Mapping[str, Callable[[SubjectTemplates, Benchmark], dict[str, Figure]]] = {
    "prototype": prototype.figures,
    "pooled": pooled.figures,
    "probe": probe.figures,
    "replay": replay.figures,
}
ATTACKS = frozenset({*ON_TEMPLATES, "views", "relearning", "membership"})
NOT_RUN = "this attack was not run"
NOT_REGISTERED = "no training set is registered"

# Of the whole, how much is done when a stage ends.
EMBEDDED, COMPARED, VERIFIED = 0.35, 0.4, 0.45
# Of the attacks on one subject, how much is done after those on templates, and after the views.
ON_TEMPLATES_DONE, VIEWS_DONE = 0.2, 0.3


def certify(
    old: Embedder,
    new: Embedder,
    subjects: Sequence[Subject],
    benchmark: Mapping[str, Crops],
    policy: Policy,
    *,
    seed: int = 0,
    verification_sets: Sequence[VerificationSet] = (),
    training: TrainingSet | None = None,
    attacks: frozenset[str] = ATTACKS,
    progress: Progress | None = None,
) -> Certification:
    """Compares two versions of a model on photos of subjects and of benchmark people.

    Nothing is asked of the run that made the new version. ``progress`` gets what is being done and
    how much of all is done, 0 to 1.

    Raises:
        BadInput: models, photos or people that cannot be certified with (see ``evidence`` and
            ``retained.Benchmark.check``).
    """
    report: Progress = progress or (lambda doing, share: None)  # noqa: ARG005
    evidence = gather(old, new, subjects, benchmark, _part(report, 0.0, EMBEDDED))
    people = Benchmark(evidence.old, evidence.new, seed, evidence.pooled)
    people.check()
    check_disjoint(evidence)
    kept = people.figures()
    report("comparing", COMPARED)
    accuracy, documents = verification.figures(
        verification_sets, old, new, seed, _part(report, COMPARED, VERIFIED)
    )
    member = Membership(training, old, new) if training else None
    attacking = _Attacking(old, new, benchmark, people, member, attacks)
    found: dict[str, Figures] = {}
    for number, subject in enumerate(subjects):
        ends = (VERIFIED + (1 - VERIFIED) * of / len(subjects) for of in (number, number + 1))
        templates = evidence.subjects[subject.reference]
        found[subject.reference] = {
            **Forgotten(templates, people).figures(),
            **attacking.figures(subject, templates, _part(report, *ends)),
        }
    report("certified", 1.0)
    return Certification(
        policy=policy,
        seed=seed,
        thresholds=people.thresholds,
        recalibrated=people.recalibrated,
        benchmark=kept | accuracy,
        subjects=found,
        models={"old": old.sha256, "new": new.sha256},
        verification=tuple(documents),
        training_influence=claim(found.values()),
        curves=curves(people),
        subject_curves={
            reference: subject_curves(templates, people)
            for reference, templates in evidence.subjects.items()
        },
    )


@dataclass(frozen=True)
class _Attacking:
    """All attacks, on one subject after the other."""

    old: Embedder
    new: Embedder
    benchmark: Mapping[str, Crops]
    people: Benchmark
    membership: Membership | None  # None: no training set is registered
    chosen: frozenset[str]

    def figures(self, subject: Subject, templates: SubjectTemplates, progress: Progress) -> Figures:
        """All of ``catalogue.ATTACKS``; those of attacks that were not chosen are missing."""
        found = {name: missing(NOT_RUN) for name in ATTACK_TITLES}
        for number, (name, attack) in enumerate(ON_TEMPLATES.items()):
            if name in self.chosen:
                progress(f"attack: {name}", ON_TEMPLATES_DONE * number / len(ON_TEMPLATES))
                found |= attack(templates, self.people)
        if "views" in self.chosen:
            progress("attack: views", ON_TEMPLATES_DONE)
            found |= views.figures(self.old, self.new, subject.held_out, self.people)
        seed = self.people.seed
        if "relearning" in self.chosen:
            found |= relearning.figures(
                self.old,
                self.new,
                subject.held_out,
                self.benchmark,
                seed,
                lambda _, share: progress(
                    "attack: relearning", VIEWS_DONE + (1 - VIEWS_DONE) * share
                ),
            )
        if "membership" in self.chosen:
            if self.membership is None:
                found |= {name: missing(NOT_REGISTERED) for name in membership.TITLES}
            else:
                found |= self.membership.figures(subject.reference, seed)
        return found


def _part(progress: Progress, start: float, end: float) -> Progress:
    """Progress of a part, told as progress of the whole."""
    return lambda doing, share: progress(doing, start + (end - start) * share)
