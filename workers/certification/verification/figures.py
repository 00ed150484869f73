"""What verification benchmarks say of a new version: one document each, and the worst of all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from workers.certification.evidence import Progress, check_models
from workers.certification.figures import Figure, missing
from workers.certification.templates import Embedder
from workers.certification.thresholds import label
from workers.certification.verification.embedded import PairScores, score
from workers.certification.verification.fold_figures import (
    accuracies,
    fold_document,
    fold_figures,
)
from workers.certification.verification.template_figures import FMRS, template_figures
from workers.certification.verification.verification_set import Kind, VerificationSet

TITLES = {
    "verification_accuracy": "lowest accuracy on a verification benchmark, new version",
    "verification_accuracy_before": "lowest accuracy on a verification benchmark, old version",
    "verification_accuracy_drop": "most accuracy lost on a verification benchmark",
    "verification_cross_version_accuracy_drop": "the same, first picture by the old version",
    "verification_template_tmr_drop": "most TMR lost on template lists, at their lowest FMR",
    "verification_template_cross_version_tmr_drop": "the same, first template by the old version",
}
_FOLDED = tuple(TITLES)[:4]
_TEMPLATES = tuple(TITLES)[4:]
_Named = dict[str, Figure]


def figures(
    sets: Sequence[VerificationSet],
    old: Embedder,
    new: Embedder,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[dict[str, Figure], list[dict[str, Any]]]:
    """All of ``TITLES``, each of the benchmark that is worst in it, and a document a benchmark.

    ``progress`` gets what is being done and how much of all is done, 0 to 1.

    Raises:
        BadInput: models whose templates cannot be compared, or a damaged picture.
    """
    check_models(old, new)
    report = _counting(sum(len(benchmark.crops) for benchmark in sets), progress)
    folded: list[_Named] = []
    templates: list[_Named] = []
    documents = []
    for benchmark in sets:
        scores = score(benchmark, old, new, report)
        if benchmark.kind is Kind.TEMPLATES:
            found, document = _of_templates(benchmark, scores, seed)
            templates.append(found)
        else:
            found, document = _of_folds(benchmark, scores, seed)
            folded.append(found)
        documents.append(_heading(benchmark) | document)
    return _worst(_FOLDED, folded, "verification benchmark") | _worst(
        _TEMPLATES, templates, "template list"
    ), documents


def _counting(pictures: int, progress: Progress | None) -> Callable[[int], None]:
    done = 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        if progress is not None:
            progress("verification benchmarks", done / pictures)

    return count


def _of_folds(
    benchmark: VerificationSet, scores: PairScores, seed: int
) -> tuple[_Named, dict[str, Any]]:
    found = accuracies(benchmark, scores)
    own = fold_figures(benchmark, found, seed)
    return {f"verification_{name}": figure for name, figure in own.items()}, {
        "folds": int(benchmark.folds.max()) + 1,
        "resampled": "pairs" if benchmark.people is None else "people",
        **fold_document(own, found),
    }


def _of_templates(
    benchmark: VerificationSet, scores: PairScores, seed: int
) -> tuple[_Named, dict[str, Any]]:
    at = {label(fmr): template_figures(benchmark, scores, fmr, seed) for fmr in FMRS}
    measured = [own for own in at.values() if own["tmr"].estimate is not None]
    lowest = measured[-1] if measured else at[label(FMRS[0])]
    return {f"verification_template_{name}": figure for name, figure in lowest.items()}, {
        "resampled": "templates that mated pairs link",
        "tmr_at_fmr": {
            fmr: {name: figure.document() for name, figure in own.items()}
            for fmr, own in at.items()
        },
    }


def _heading(benchmark: VerificationSet) -> dict[str, Any]:
    return {
        "name": benchmark.name,
        "kind": str(benchmark.kind),
        "digest": benchmark.digest,
        "photos": len(benchmark.crops),
        "pairs": len(benchmark.pairs),
        "mated": int(benchmark.mated.sum()),
        "embeddings": "plain, without a flipped copy",
    }


def _worst(names: Sequence[str], found: list[_Named], what: str) -> _Named:
    """A drop is worst where it is highest, an accuracy where it is lowest."""
    if not found:
        return {name: missing(f"no {what} was given") for name in names}
    worst: _Named = {}
    for name in names:
        known = [own[name] for own in found if own[name].estimate is not None]
        sign = -1 if name.endswith("_drop") else 1
        worst[name] = min(
            known or [found[0][name]], key=lambda figure: sign * (figure.estimate or 0.0)
        )
    return worst
