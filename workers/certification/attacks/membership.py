"""Membership inference: does a version give away that it was trained on the subject's photos?

The statistic of a photo is its mean similarity to the person's other photos: a network draws
together whom it was trained on (Li et al. 2022, arXiv 2203.02077, on metric embeddings). Whether
a photo is easy to begin with is taken out by what models that never saw the person make of the same
photo (Watson et al. 2022, arXiv 2111.08440; the offline attack of Carlini et al. 2022, arXiv
2112.03570): the mean of their statistics is subtracted. Their standard deviation is taken as one
for all photos, as Carlini et al. do where there are few reference models, so it changes no rank
and is left out.

Read the AUC both ways. Well above ½, the training still shows. Well below ½, the photos are more
scattered than those of a stranger, and that tells, too, that somebody was erased (the Streisand
effect of Golatkar et al. 2020, arXiv 1911.04933).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import floor

import numpy as np

from storage.canonical import sha256
from workers.certification.evidence import FEWEST_PHOTOS, BadEvidence
from workers.certification.figures import Figure, at, missing, proportion
from workers.certification.intervals import Floats, ratio_replicates, weights
from workers.certification.templates import Counts, Crops, Embedder, Templates, embed
from workers.certification.thresholds import fewest, label

FPRS = (1e-1, 1e-2)  # non-members who are taken for members, at which members are counted
FEWEST_NON_MEMBERS = 2  # people, with two photos each: one alone has no interval
VERSIONS = {"": "new version", "_before": "old version"}

_TITLES = {
    "membership_auc": "AUC of telling the subject's training photos from never-trained people's",
    "membership_people_above": "never-trained people who cluster more than the subject, calibrated",
}
TITLES = {
    **{f"{n}{v}": f"{title}, {of}" for v, of in VERSIONS.items() for n, title in _TITLES.items()},
    **{
        at(f"membership_tpr{v}", fpr): f"training photos told as such at FPR {label(fpr)}, {of}"
        for v, of in VERSIONS.items()
        for fpr in FPRS
    },
}


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """What is known of a model's training: who was in it, who was not, and models without them.

    Raises:
        BadEvidence: nothing to compare, or a photo that is both trained on and not.
    """

    members: Mapping[str, Crops]  # subject's reference → photos that the old version trained on
    non_members: Mapping[str, Crops]  # person → photos that no version trained on
    reference_models: Sequence[Embedder]  # trained alike, on none of these photos

    def __post_init__(self) -> None:
        if not self.reference_models:
            raise BadEvidence(
                "training set: no reference model; give one or more that were trained alike, but "
                "never on the subjects"
            )
        able = sum(len(crops) >= FEWEST_PHOTOS for crops in self.non_members.values())
        if able < FEWEST_NON_MEMBERS:
            raise BadEvidence(
                f"training set: {able} non-members with at least {FEWEST_PHOTOS} photos; "
                f"give at least {FEWEST_NON_MEMBERS} such people, better 100"
            )
        trained = set(_digests(self.members.values()))
        for person, crops in self.non_members.items():
            if not trained.isdisjoint(_digests([crops])):
                raise BadEvidence(
                    f"training set: non-member {person} has a photo that a member has, too; "
                    "leave it out of one of the two"
                )


def figures(
    training: TrainingSet | None, reference: str, old: Embedder, new: Embedder, seed: int
) -> dict[str, Figure]:
    """All of ``TITLES``, of one subject. ``Membership`` is quicker for several.

    Raises:
        BadEvidence: a reference model is one of the two versions.
        BadInput: an embedding is not a number.
    """
    if training is None:
        return _none("no training set is registered")
    return Membership(training, old, new).figures(reference, seed)


def claim(found: Iterable[Mapping[str, Figure]]) -> str:
    """``examined`` if every subject's photos were, else ``not examined``."""
    known = all(figures["membership_auc"].estimate is not None for figures in found)
    return "examined" if known else "not examined"


@dataclass(frozen=True, eq=False)
class Membership:
    """The attack on two versions; embeds the non-members once for all subjects.

    Raises:
        BadEvidence: a reference model is one of the two versions.
    """

    training: TrainingSet
    old: Embedder
    new: Embedder

    def __post_init__(self) -> None:
        for model in self.training.reference_models:
            if model.sha256 in (self.old.sha256, self.new.sha256):
                raise BadEvidence(
                    f"reference model {model.sha256[:12]}: is one of the two versions to certify; "
                    "give models that were trained without the subject"
                )

    def figures(self, reference: str, seed: int) -> dict[str, Figure]:
        """All of ``TITLES``; photos of the subject and never-trained people are resampled."""
        crops = self.training.members.get(reference)
        if crops is None:
            return _none("the registered training set has no photos of the subject")
        if len(crops) < FEWEST_PHOTOS:
            return _none("1 photo of the subject in the training set; it takes two", photos=1)
        members = self._calibrated(crops, "member")
        found: dict[str, Figure] = {}
        for version in VERSIONS:
            attack = Attack(members[version], [of[version] for of in self._non_members], seed)
            found[f"membership_auc{version}"] = attack.auc()
            found[f"membership_people_above{version}"] = attack.people_above()
            for fpr in FPRS:
                found[at(f"membership_tpr{version}", fpr)] = attack.tpr(fpr)
        return found

    @cached_property
    def _non_members(self) -> list[dict[str, Floats]]:
        people = self.training.non_members.items()
        able = {name: crops for name, crops in people if len(crops) >= FEWEST_PHOTOS}
        return [self._calibrated(crops, f"non-member {name}") for name, crops in able.items()]

    def _calibrated(self, crops: Crops, whose: str) -> dict[str, Floats]:
        """One person's photos → by version, (n,) how much more they cluster than usual."""

        def clustering(model: Embedder) -> Floats:
            templates, _ = embed(model, crops, f"training set, {whose}")
            return mean_similarities(templates)

        usual = np.mean([clustering(model) for model in self.training.reference_models], axis=0)
        return {"": clustering(self.new) - usual, "_before": clustering(self.old) - usual}


@dataclass(frozen=True, eq=False)
class Attack:
    """One version's calibrated statistics: of the subject's photos and of other people's."""

    members: Floats  # (n,)
    non_members: Sequence[Floats]  # one array a person
    seed: int

    def auc(self) -> Figure:
        """The chance that a member scores above a non-member, ties by half (Mann-Whitney)."""
        beaten = np.stack([_beaten(self.members, of) for of in self.non_members], axis=1)  # (n, P)
        estimate = beaten.sum() / (len(self.members) * self._sizes.sum())
        drawn, people = self._drawn
        won = ((drawn @ beaten) * people).sum(axis=1)
        return self._figure(estimate, won / (len(self.members) * (people @ self._sizes)))

    def tpr(self, fpr: float) -> Figure:
        """Members above the lowest threshold at which at most ``fpr`` of non-members are."""
        scores = np.concatenate(self.non_members)
        if len(scores) < fewest(fpr):
            return missing(
                f"{len(scores):,} photos of never-trained people; an FPR of {label(fpr)} needs "
                f"at least {fewest(fpr):,} (rule of 3)",
                **self._sample,
            )
        order = np.argsort(-scores, kind="stable")
        falling, owners = scores[order], np.repeat(range(len(self._sizes)), self._sizes)[order]
        told = np.array(
            [
                weight @ (self.members > _threshold(falling, drawn[owners], fpr)) / weight.sum()
                for weight, drawn in zip(*self._drawn, strict=True)
            ]
        )
        threshold = _threshold(falling, np.ones(len(falling)), fpr)
        return self._figure(float((self.members > threshold).mean()), told)

    def people_above(self) -> Figure:
        """Of the never-trained people, who scores above the subject on average.

        The false positive rate at which the subject, as a person, is told: near 0 they stand out
        as trained, near 1 as erased.
        """
        above = np.array([of.mean() > self.members.mean() for of in self.non_members], dtype=float)
        replicates = ratio_replicates(above, np.ones(len(above)), self.seed + 1)
        return proportion(above.mean(), replicates, len(above), self._sample)

    def _figure(self, estimate: float, replicates: Floats) -> Figure:
        return proportion(estimate, replicates, len(self.members), self._sample)

    @property
    def _drawn(self) -> tuple[Floats, Floats]:
        # Another seed for the people: who is drawn has nothing to do with the photos.
        photos = weights(len(self.members), self.seed)
        return photos, weights(len(self.non_members), self.seed + 1)

    @property
    def _sizes(self) -> Counts:
        return np.array([len(of) for of in self.non_members], dtype=np.int64)

    @property
    def _sample(self) -> dict[str, int]:
        photos = len(self.members)
        pairs = photos * int(self._sizes.sum())
        return {"photos": photos, "people": len(self.non_members), "comparisons": pairs}


def mean_similarities(templates: Templates) -> Floats:
    """One person's (n, D) templates → (n,) mean cosine of each to the others."""
    exact = templates.astype(np.float64)
    total = exact.sum(axis=0)
    found: Floats = (exact @ total - (exact * exact).sum(axis=1)) / (len(exact) - 1)
    return found


def _beaten(members: Floats, non_members: Floats) -> Floats:
    """(n,): of the others' scores, how many are below each member's; ties count half."""
    rising = np.sort(non_members)
    below, up_to = (np.searchsorted(rising, members, side) for side in ("left", "right"))
    found: Floats = (below + up_to) / 2
    return found


def _threshold(falling: Floats, counts: Floats, fpr: float) -> float:
    """The score above which at most ``fpr`` of the scores are, each there ``counts`` times."""
    above = np.cumsum(counts)
    allowed = floor(fpr * above[-1] + 1e-9)  # 0.01 * 300 must be 3
    return float(falling[np.searchsorted(above, allowed, side="right")])


def _digests(people: Iterable[Crops]) -> Iterator[str]:
    return (sha256(crop.tobytes()) for crops in people for crop in crops)


def _none(reason: str, **sample: int) -> dict[str, Figure]:
    return {name: missing(reason, **sample) for name in TITLES}
