"""A certification: the figures of two versions of a model, held against a policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from storage.canonical import Document
from workers.certification.catalogue import SUBJECT_FIGURES
from workers.certification.figures import Figure
from workers.certification.policy import Policy
from workers.certification.summary import headline, sentences
from workers.certification.thresholds import FMRS, Threshold, label
from workers.certification.verdict import RuleResult, judge_all, verdict, worst

Figures = Mapping[str, Figure]


@dataclass(frozen=True)
class Certification:
    """The figures of one erasure, of one subject or of several, held against a policy."""

    policy: Policy
    seed: int
    thresholds: Mapping[float, Threshold]  # set on the old version, by FMR
    recalibrated: Mapping[float, Threshold]  # set on the new version
    benchmark: Figures
    subjects: Mapping[str, Figures]  # by reference
    models: Mapping[str, str]  # SHA-256 of the model files, "old" and "new"
    verification: tuple[Document, ...]  # one for each verification benchmark that was given
    training_influence: str  # ``examined`` or ``not examined``
    curves: Mapping[str, Any]  # what the report draws of everybody else
    subject_curves: Mapping[str, Mapping[str, Any]]  # and of each subject, by reference

    @cached_property
    def rules(self) -> tuple[RuleResult, ...]:
        """One result a rule: with several subjects, that of the worst of them."""
        results = [
            judge_all(self.policy, {**self.benchmark, **figures})
            for figures in self.subjects.values()
        ]
        return tuple(worst(of_rule) for of_rule in zip(*results, strict=True))

    @property
    def verdict(self) -> str:
        """``passed`` or ``refused``; passed only if every subject passes."""
        return str(verdict(self.rules))

    @property
    def figures(self) -> dict[str, Any]:
        """All figures as JSON. Subjects stand under their references."""
        return {
            "thresholds": self.threshold_documents(),
            "benchmark": _documents(self.benchmark),
            "subjects": {
                reference: _documents(figures) for reference, figures in self.subjects.items()
            },
            "over_subjects": self._all_over_subjects(),
        }

    @property
    def headline(self) -> dict[str, float | None]:
        """The few figures for metrics and pages, at FMR 1e-3; None where not measurable.

        With several subjects, theirs are means.
        """
        means = {name: self._over_subjects(name)["mean"] for name in SUBJECT_FIGURES}
        return headline(means, self.benchmark, self.thresholds[FMRS[0]])

    def summary(self) -> list[str]:
        """What was found, in three sentences."""
        return sentences(self.headline, self.rules, len(self.subjects))

    def refusal(self) -> str:
        """The rules that are not kept, in one line; empty where the verdict is passed."""
        lines = (str(result) for result in self.rules if result.counts_against)
        return "; ".join(" ".join(line.split()) for line in lines)

    def document(self) -> dict[str, Any]:
        """All of it as JSON. Subjects stand in the order given, without their references."""
        policy = self.policy
        return {
            "verdict": self.verdict,
            "summary": self.summary(),
            "headline": self.headline,
            "rules": [result.document() for result in self.rules],
            "figures": {
                "benchmark": _documents(self.benchmark),
                "subjects": [_documents(figures) for figures in self.subjects.values()],
                "over_subjects": self._all_over_subjects(),
                "verification": list(self.verification),
            },
            "thresholds": self.threshold_documents(),
            "claims": {
                "non_matchability": "examined",
                "training_influence": self.training_influence,
            },
            "models": dict(self.models),
            "policy": {"name": policy.name, "version": policy.version, "digest": policy.digest},
            "resampling_seed": self.seed,
        }

    def for_subject(self, reference: str) -> Certification:
        """The certification of one subject alone.

        Raises:
            KeyError: it is none of those certified.
        """
        return replace(
            self,
            subjects={reference: self.subjects[reference]},
            subject_curves={reference: self.subject_curves[reference]},
        )

    def drawings(self) -> Document:
        """What the report draws, as JSON, the subjects in their order; no part of a certificate."""
        return {"benchmark": dict(self.curves), "subject": list(self.subject_curves.values())}

    def threshold_documents(self) -> dict[str, Any]:
        return {
            label(fmr): {
                "old_version": threshold.value,
                "new_version": self.recalibrated[fmr].value,
                "non_mated": threshold.trials,
                "rule_of_30": threshold.enough_for_rule_of_30,
                "reason": threshold.reason,
            }
            for fmr, threshold in self.thresholds.items()
        }

    def _all_over_subjects(self) -> dict[str, Any]:
        return {name: self._over_subjects(name) for name in SUBJECT_FIGURES}

    def _over_subjects(self, name: str) -> dict[str, float | None]:
        """Mean, lowest and highest estimate of the subjects that have one."""
        found = [figures[name].estimate for figures in self.subjects.values()]
        known = [estimate for estimate in found if estimate is not None]
        if not known:
            return {"mean": None, "lowest": None, "highest": None}
        mean = round(sum(known) / len(known), 6)
        return {"mean": mean, "lowest": round(min(known), 6), "highest": round(max(known), 6)}


def _documents(figures: Figures) -> dict[str, Any]:
    return {name: figure.document() for name, figure in figures.items()}
