"""Accuracy over folds and TMR of template lists, against independent computations."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_curve
from sklearn.model_selection import KFold
from sklearn.preprocessing import normalize

from storage.canonical import canonical
from storage.errors import BadInput
from tests.certification.pair_files import (
    comparisons,
    pictures,
    write_bin,
    write_lfw,
    write_template_lists,
)
from tests.certification.worlds import Table
from tests.cli.command import OWN_MODEL
from workers.certification.figures import SAMPLES
from workers.certification.templates import Crops, Templates
from workers.certification.verification import TITLES, VerificationSet, figures, read_verification
from workers.certification.verification.accuracy import best_threshold, fold_accuracy
from workers.certification.verification.pair_list import contiguous_folds
from workers.certification.verification.resampling import people_totals, unit_totals
from workers.certification.verification.template_figures import linked
from workers.recognizer import Recognizer


@functools.cache
def own_model() -> Recognizer:
    return Recognizer.load(OWN_MODEL)


class Turned:
    """The recogniser with a matrix after its embedding, and a sha256 of its own."""

    sha256 = "e" * 64

    def __init__(self, matrix: NDArray[np.float64]) -> None:
        self.matrix = matrix
        self.embedding_size = len(matrix)

    def embed_pooled(self, crops: Crops) -> tuple[Templates, None]:
        turned = own_model().embed(crops, threads=1) @ self.matrix.T
        return normalize(turned).astype(np.float32), None


def untouched() -> Turned:
    return Turned(np.eye(own_model().embedding_size))


def rotated() -> Turned:
    size = own_model().embedding_size
    return Turned(np.linalg.qr(np.random.default_rng(0).normal(size=(size, size)))[0])


def blurred(kept: int = 8) -> Turned:
    """All but a few dimensions are lost."""
    return Turned(np.diag(np.arange(own_model().embedding_size) < kept).astype(float))


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> VerificationSet:
    path = tmp_path_factory.mktemp("bin") / "packed.bin"
    return read_verification(write_bin(path, pictures(comparisons(each=6))), 112)


@pytest.fixture(scope="module")
def lfw(tmp_path_factory: pytest.TempPathFactory) -> VerificationSet:
    root = tmp_path_factory.mktemp("lfw") / "faces"
    return read_verification(write_lfw(root, comparisons(each=6), "10 6"), 112)


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> VerificationSet:
    return read_verification(write_template_lists(tmp_path_factory.mktemp("ijb") / "x"), 112)


# --- accuracy ---


def insightface_accuracies(
    embeddings: NDArray[np.float32], same: NDArray[np.bool_], folds: int = 10
) -> NDArray[np.float64]:
    """As InsightFace evaluates a `.bin`: squared distances, a grid of thresholds, KFold."""
    first, second = normalize(embeddings[0::2]), normalize(embeddings[1::2])
    distances = np.square(first - second).sum(axis=1)
    thresholds = np.arange(0, 4, 0.01)
    right = (distances[:, None] < thresholds) == same[:, None]
    accuracies = []
    for train, test in KFold(n_splits=folds, shuffle=False).split(np.arange(len(same))):
        best = np.argmax(right[train].mean(axis=0))
        accuracies.append(right[test, best].mean())
    return np.array(accuracies)


def drawn(pairs: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Embeddings two by two, mated ones nearer; the two kinds overlap."""
    rng = np.random.default_rng(seed)
    mated = rng.random(pairs) < 0.5
    first = rng.normal(size=(pairs, 32))
    second = rng.normal(size=(pairs, 32)) + 0.7 * first * mated[:, None]
    embeddings = np.stack([first, second], axis=1).reshape(2 * pairs, 32)
    return embeddings.astype(np.float32), mated


@pytest.mark.parametrize("pairs", [6000, 6007])
def test_accuracy_is_that_of_insightfaces_evaluation(pairs: int) -> None:
    embeddings, mated = drawn(pairs, seed=1)
    unit = normalize(embeddings)
    scores = np.einsum("nd,nd->n", unit[0::2], unit[1::2])
    found = fold_accuracy(scores, mated, contiguous_folds(pairs))
    theirs = insightface_accuracies(embeddings, mated)
    assert 0.9 < theirs.mean() < 0.97
    assert found.mean == pytest.approx(theirs.mean(), abs=0.002)  # their grid is coarser
    assert found.of_folds == pytest.approx(theirs, abs=0.01)
    assert found.standard_error == pytest.approx(np.std(found.of_folds, ddof=1) / 10**0.5)


@settings(max_examples=200, deadline=None)
@given(
    scored=st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=1, max_size=12),
)
def test_no_threshold_does_better_than_the_one_chosen(scored: list[tuple[int, bool]]) -> None:
    scores = np.array([score / 4 for score, _ in scored], dtype=np.float32)
    mated = np.array([label for _, label in scored])
    chosen = best_threshold(scores, mated)
    tried = [-np.inf, *np.arange(-1, 1.01, 0.0625), np.inf]
    right = {t: np.count_nonzero((scores >= t) == mated) for t in [*tried, chosen]}
    assert right[chosen] == max(right.values())
    accepted = {t: np.count_nonzero(scores >= t) for t in right if right[t] == right[chosen]}
    assert accepted[chosen] == min(accepted.values())


def test_a_fold_never_chooses_its_own_threshold() -> None:
    """The first fold's scores lie elsewhere: at the other folds' threshold half of it is wrong."""
    mated = np.tile([True, False], 20)
    folds = np.repeat(np.arange(10), 4)
    scores = np.where(mated, 0.8, 0.2).astype(np.float32)
    scores[folds == 0] += 0.5
    found = fold_accuracy(scores, mated, folds)
    assert found.of_folds.tolist() == [0.5] + [1.0] * 9


# --- the figures of two versions ---


def test_two_versions_that_are_the_same_lose_nothing(
    packed: VerificationSet, lfw: VerificationSet, templates: VerificationSet
) -> None:
    sets = [packed, lfw, repeated(templates)]
    found, documents = figures(sets, untouched(), untouched())
    assert set(found) == set(TITLES)
    for name in TITLES:
        if name.endswith("_drop"):
            assert (found[name].estimate, found[name].interval) == (0.0, (0.0, 0.0)), name
    assert (
        found["verification_accuracy"].estimate
        == found["verification_accuracy_before"].estimate
        == pytest.approx(1.0, abs=0.1)
    )
    assert [document["kind"] for document in documents] == [
        "insightface-bin",
        "lfw-pairs",
        "template-lists",
    ]


def test_the_figures_are_those_of_a_plain_recomputation(packed: VerificationSet) -> None:
    new = blurred()
    found, (document,) = figures([packed], untouched(), new)
    crops = packed.crops[0 : len(packed.crops)]
    old_templates, new_templates = (model.embed_pooled(crops)[0] for model in (untouched(), new))
    for name, first, second in [
        ("accuracy_before", old_templates, old_templates),
        ("accuracy", new_templates, new_templates),
        ("cross_version_accuracy", old_templates, new_templates),
    ]:
        rows = packed.pairs
        both = np.stack([first[rows[:, 0]], second[rows[:, 1]]], axis=1).reshape(2 * len(rows), -1)
        expected = insightface_accuracies(both, packed.mated)
        assert document[name]["estimate"] == pytest.approx(expected.mean(), abs=0.02), name
    drop = document["accuracy_before"]["estimate"] - document["accuracy"]["estimate"]
    assert document["accuracy_drop"]["estimate"] == pytest.approx(drop, abs=2e-6)
    assert drop > 0.05
    low, high = document["accuracy_drop"]["interval"]
    assert 0 < low < drop < high
    assert found["verification_accuracy_drop"].document() == document["accuracy_drop"]


def test_a_rotated_space_keeps_its_accuracy_and_loses_it_across_versions(
    packed: VerificationSet,
) -> None:
    found, _ = figures([packed], untouched(), rotated())
    assert found["verification_accuracy_drop"].estimate == pytest.approx(0, abs=0.01)
    assert found["verification_cross_version_accuracy_drop"].estimate > 0.2


def test_the_worst_benchmark_stands_for_all(packed: VerificationSet, tmp_path: Path) -> None:
    found, labels = pictures(comparisons(each=6))
    wrong = [*(not label for label in labels[:30]), *labels[30:]]
    other = read_verification(write_bin(tmp_path / "other.bin", (found, wrong)), 112)
    together, documents = figures([packed, other], untouched(), blurred())
    for name in list(TITLES)[:4]:
        own = [document[name.removeprefix("verification_")]["estimate"] for document in documents]
        worst = max(own) if name.endswith("_drop") else min(own)
        assert together[name].document()["estimate"] == worst
    assert documents[1]["accuracy_before"]["estimate"] < 0.95


def test_people_are_resampled_where_they_are_known_and_else_pairs(
    packed: VerificationSet, lfw: VerificationSet
) -> None:
    _, (by_pairs, by_people) = figures([packed, lfw], untouched(), blurred())
    assert (by_pairs["resampled"], by_people["resampled"]) == ("pairs", "people")
    assert by_pairs["accuracy"]["estimate"] == by_people["accuracy"]["estimate"]
    assert by_people["accuracy"]["sample"]["people"] == 10
    width = [high - low for low, high in (d["accuracy"]["interval"] for d in (by_pairs, by_people))]
    assert width[1] > 1.3 * width[0]  # ten people know less than 120 pairs seem to


def test_documents_are_canonical_json_with_known_samples_and_the_same_every_time(
    packed: VerificationSet, lfw: VerificationSet, templates: VerificationSet
) -> None:
    sets = [packed, lfw, templates]
    found, documents = figures(sets, untouched(), blurred(), seed=3)
    again, repeated = figures(sets, untouched(), blurred(), seed=3)
    assert found == again
    assert [canonical(document) for document in documents] == [
        canonical(document) for document in repeated
    ]
    assert all(set(figure.sample) <= SAMPLES for figure in found.values())
    _, others = figures(sets, untouched(), blurred(), seed=4)
    assert others[0]["accuracy_drop"]["interval"] != documents[0]["accuracy_drop"]["interval"]


def test_progress_counts_to_one(packed: VerificationSet, templates: VerificationSet) -> None:
    shares: list[float] = []
    figures([packed, templates], untouched(), untouched(), 0, lambda _, share: shares.append(share))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_without_a_benchmark_every_figure_says_so() -> None:
    found, documents = figures([], untouched(), untouched())
    assert documents == []
    assert set(found) == set(TITLES)
    assert {found[name].reason for name in list(TITLES)[:4]} == {
        "no verification benchmark was given"
    }
    assert {figure.estimate for figure in found.values()} == {None}


def test_models_that_cannot_be_compared_are_refused(packed: VerificationSet) -> None:
    other = Table(np.eye(5, dtype=np.float32))
    with pytest.raises(BadInput, match="give two versions of one model"):
        figures([packed], untouched(), other)


# --- template lists ---


def test_tmr_of_template_lists_is_that_of_a_roc_curve(templates: VerificationSet) -> None:
    new = blurred(3)
    found, (document,) = figures([templates], untouched(), new)
    crops = templates.crops[0 : len(templates.crops)]
    assert templates.pooling is not None
    scores = {}
    for name, model in (("tmr_before", untouched()), ("tmr_recalibrated", new)):
        single = model.embed_pooled(crops)[0]
        pooled = normalize(single.reshape(-1, 2, single.shape[1]).sum(axis=1))
        scores[name] = (pooled @ pooled.T)[np.triu_indices(20, k=1)]
    # 180 non-mated comparisons: no FMR of 1e-2 can be shown on them.
    for rate in ("1e-2", "1e-3", "1e-4"):
        reason = document["tmr_at_fmr"][rate]["tmr"]["reason"]
        assert reason.startswith("180 non-mated trials; a rate of")
    assert found["verification_template_tmr_drop"].estimate is None
    many = repeated(templates)
    found, (document,) = figures([many], untouched(), new)
    for name, own in scores.items():
        false_rate, true_rate, _ = roc_curve(templates.mated, own, drop_intermediate=False)
        expected = true_rate[false_rate <= 0.01].max()
        assert document["tmr_at_fmr"]["1e-2"][name]["estimate"] == pytest.approx(expected), name
    at = document["tmr_at_fmr"]["1e-2"]
    assert found["verification_template_tmr_drop"].document() == at["tmr_drop"]
    assert at["tmr"]["sample"]["people"] == 10
    assert document["tmr_at_fmr"]["1e-3"]["tmr"]["reason"].startswith("360 non-mated trials")


def repeated(templates: VerificationSet) -> VerificationSet:
    """Every comparison twice: rates stay, and the rule of 3 is met."""
    return VerificationSet(
        templates.name,
        templates.kind,
        templates.digest,
        templates.crops,
        np.concatenate([templates.pairs, templates.pairs]),
        np.concatenate([templates.mated, templates.mated]),
        np.concatenate([templates.folds, templates.folds]),
        None,
        templates.pooling,
    )


def test_a_rotated_space_loses_template_lists_across_versions(templates: VerificationSet) -> None:
    found, _ = figures([repeated(templates)], untouched(), rotated())
    assert found["verification_template_tmr_drop"].estimate == pytest.approx(0, abs=0.11)
    crossed = found["verification_template_cross_version_tmr_drop"]
    assert crossed.estimate > 0.5
    assert crossed.interval is not None
    assert crossed.interval[0] > 0.2
    assert found["verification_accuracy"].reason == "no verification benchmark was given"


def test_templates_that_mated_pairs_link_are_one_person() -> None:
    pairs = np.array([[0, 1], [5, 9], [1, 2], [7, 8], [9, 0]])
    groups = linked(pairs)
    assert groups[0] == groups[1] == groups[2] == groups[4]
    assert sorted(set(groups.tolist())) == [0, 1]


# --- resampling ---


def test_units_that_are_alike_are_resampled_as_if_each_were_drawn() -> None:
    values = np.repeat([[1.0, 2.0], [0.0, 1.0], [3.0, 1.0]], [50, 30, 20], axis=0)
    totals = unit_totals(values, seed=0)
    rng = np.random.default_rng(1)
    plain = values[rng.integers(0, 100, (4000, 100))].sum(axis=1)
    assert totals.mean(axis=0) == pytest.approx(plain.mean(axis=0), rel=0.02)
    assert np.cov(totals.T) == pytest.approx(np.cov(plain.T), rel=0.15)


def test_a_comparison_counts_as_often_as_its_people_are_drawn_together() -> None:
    people = np.array([[4, 4], [4, 9], [9, 9]])
    totals = people_totals(np.eye(3), people, seed=0)
    first, between, second = totals.T
    assert np.array_equal(first + second, np.full(1000, 2.0))
    assert np.array_equal(between, first * second)
    assert set(first.tolist()) == {0.0, 1.0, 2.0}
