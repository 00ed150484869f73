"""Membership inference: known statistics give known figures, and trained photos are told."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lethe.commands.demo import OWN_MODEL
from lethe.demo.people import write_people
from storage.errors import BadInput
from tests.certification.worlds import Table, Vectors, unit
from workers.certification.attacks.membership import (
    TITLES,
    Attack,
    Membership,
    TrainingSet,
    claim,
    figures,
    mean_similarities,
)
from workers.certification.templates import Crops
from workers.recognizer import Recognizer
from workers.training_set import BadTrainingSet, read_training_set

PEOPLE, PHOTOS, DIMENSIONS = 60, 8, 64
SUBJECT = "subject"


@dataclass
class Trainings:
    """Photos with a looser or tighter identity each; models that draw whom they trained on nearer.

    A model's template of a photo is the sum of its person, of the photo, and of the person once
    more as often as ``drawn`` says, all in a basis of the model's own.
    """

    rng: np.random.Generator

    def __post_init__(self) -> None:
        people = PEOPLE + 1
        self.identities = self.rng.normal(size=(people, 1, DIMENSIONS))
        self.identities *= self.rng.uniform(0.6, 2.0, size=(people, 1, 1))  # easy and hard people
        self.photos = self.rng.normal(size=(people, PHOTOS, DIMENSIONS))

    def crops(self, person: int) -> Crops:
        crops = np.zeros((PHOTOS, 1, 1, 3), dtype=np.uint8)
        numbers = np.arange(PHOTOS) + person * PHOTOS
        crops[:, 0, 0, 0], crops[:, 0, 0, 1] = numbers // 256, numbers % 256
        return crops

    def model(self, drawn: float, sha256: str) -> Table:
        """``drawn``: how much nearer the subject, person 0, is drawn; negative scatters them."""
        basis = np.linalg.qr(self.rng.normal(size=(DIMENSIONS, DIMENSIONS)))[0]
        noise = self.rng.normal(size=self.photos.shape)
        strength = np.ones((PEOPLE + 1, 1, 1))
        strength[0] += drawn
        rows = (self.identities * strength + self.photos + 0.2 * noise) @ basis
        return Table(unit(rows.reshape(-1, DIMENSIONS)), sha256 * 64)

    def training(self, reference_models: int = 2) -> TrainingSet:
        return TrainingSet(
            {SUBJECT: self.crops(0)},
            {f"person{person}": self.crops(person) for person in range(1, PEOPLE + 1)},
            [self.model(0.0, str(number)) for number in range(reference_models)],
        )


@pytest.fixture
def trainings() -> Trainings:
    return Trainings(np.random.default_rng(0))


def test_photos_that_trained_are_told_and_those_that_did_not_are_not(trainings: Trainings) -> None:
    old, new = trainings.model(1.0, "a"), trainings.model(0.0, "b")
    found = figures(trainings.training(), SUBJECT, old, new, 0)
    assert found["membership_auc_before"].estimate > 0.95
    assert found["membership_tpr_before@1e-1"].estimate > 0.8
    assert found["membership_people_above_before"].estimate == 0
    low, high = found["membership_auc_before"].interval
    assert low <= found["membership_auc_before"].estimate <= high
    assert 0.25 < found["membership_auc"].estimate < 0.75
    assert found["membership_tpr@1e-1"].estimate < 0.5
    assert 0.1 < found["membership_people_above"].estimate < 0.9


def test_scattering_beyond_a_stranger_shows_as_an_auc_far_below_one_half(
    trainings: Trainings,
) -> None:
    old, new = trainings.model(1.0, "a"), trainings.model(-0.9, "b")
    found = figures(trainings.training(), SUBJECT, old, new, 0)
    assert found["membership_auc"].estimate < 0.05
    assert found["membership_people_above"].estimate == 1


def test_reference_models_take_out_that_some_people_are_easy(trainings: Trainings) -> None:
    trainings.identities[0] *= 0.7 / np.linalg.norm(trainings.identities[0]) * DIMENSIONS**0.5
    old = trainings.model(0.4, "a")
    crops = [trainings.crops(person) for person in range(PEOPLE + 1)]
    members, *others = (mean_similarities(old.embed_pooled(photos)[0]) for photos in crops)
    found = figures(trainings.training(), SUBJECT, old, trainings.model(0.0, "b"), 0)
    assert Attack(members, others, 0).auc().estimate < 0.6  # a hard person: not told uncalibrated
    assert found["membership_auc_before"].estimate > 0.9


def test_a_version_with_another_level_of_similarity_changes_nothing() -> None:
    rng = np.random.default_rng(1)
    members, others = rng.normal(size=6), [rng.normal(size=9) for _ in range(40)]
    shifted = Attack(members + 3, [of + 3 for of in others], 0)
    for before, after in (
        (Attack(members, others, 0).auc(), shifted.auc()),
        (Attack(members, others, 0).tpr(0.1), shifted.tpr(0.1)),
    ):
        assert before == after


def test_known_scores_give_figures_that_can_be_counted() -> None:
    members = np.array([5.0, 1.5, 1.0, -9.0])
    others = [np.arange(0.0, 5.0), np.array([0.0, 1.0]), np.zeros(24)]
    attack = Attack(members, others, 0)
    # of 31: 31 are below 5, 28 below 1.5, 26 below 1 and two beside it, none below -9
    assert attack.auc().estimate == pytest.approx((31 + 28 + 27 + 0) / (4 * 31))
    # three of 31 may be above: the threshold is 1, and 5 and 1.5 are above it
    assert attack.tpr(0.1).estimate == 0.5
    # the members' mean is -0.375, below everybody's
    assert attack.people_above().estimate == 1
    assert attack.auc().sample == {"photos": 4, "people": 3, "comparisons": 4 * 31}


@given(
    members=st.lists(st.integers(-5, 5), min_size=1, max_size=8),
    others=st.lists(st.lists(st.integers(-5, 5), min_size=2, max_size=6), min_size=15, max_size=25),
)
def test_the_false_positive_rate_is_never_exceeded_and_the_auc_is_that_of_all_pairs(
    members: list[int], others: list[list[int]]
) -> None:
    attack = Attack(np.array(members, float), [np.array(of, float) for of in others], 0)
    scores = np.concatenate(others)
    wins = [np.mean((member > scores) + (member == scores) / 2) for member in members]
    assert attack.auc().estimate == pytest.approx(np.mean(wins))
    told = round(attack.tpr(0.1).estimate * len(members))
    flagged = np.sort(members)[len(members) - told :]
    assert not told or (scores >= flagged[0]).mean() <= 0.1


def test_the_interval_widens_where_few_people_were_never_trained_on() -> None:
    rng = np.random.default_rng(0)
    members = rng.normal(0.5, 1, size=200)
    widths = []
    for people in (4, 100):
        # one person's photos stand together, so people, and not photos, are what is counted
        others = [rng.normal(rng.normal(), 0.3, size=400 // people) for _ in range(people)]
        low, high = Attack(members, others, 0).auc().interval
        widths.append(high - low)
    assert widths[0] > 2 * widths[1]


def test_the_same_seed_gives_the_same_figures(trainings: Trainings) -> None:
    old, new = trainings.model(1.0, "a"), trainings.model(0.0, "b")
    training = trainings.training()
    assert figures(training, SUBJECT, old, new, 3) == figures(training, SUBJECT, old, new, 3)


def test_mean_similarities_are_those_to_the_persons_other_photos() -> None:
    templates = unit(np.random.default_rng(0).normal(size=(7, 16)))
    scores: Vectors = templates.astype(float) @ templates.T.astype(float)
    np.fill_diagonal(scores, 0)
    assert mean_similarities(templates) == pytest.approx(scores.sum(axis=1) / 6, abs=1e-7)


def test_without_a_training_set_nothing_is_claimed(trainings: Trainings) -> None:
    old = trainings.model(1.0, "a")
    found = figures(None, SUBJECT, old, old, 0)
    assert set(found) == set(TITLES)
    assert {figure.reason for figure in found.values()} == {"no training set is registered"}
    assert claim([found]) == "not examined"


def test_the_claim_is_examined_only_if_every_subject_is_among_the_members(
    trainings: Trainings,
) -> None:
    attack = Membership(trainings.training(), trainings.model(1.0, "a"), trainings.model(0.0, "b"))
    known, unknown = attack.figures(SUBJECT, 0), attack.figures("somebody", 0)
    assert set(known) == set(unknown) == set(TITLES)
    assert claim([known]) == "examined"
    assert claim([known, unknown]) == "not examined"
    assert unknown["membership_auc"].reason == (
        "the registered training set has no photos of the subject"
    )


def test_a_rate_that_too_few_photos_can_show_is_missing_with_the_reason() -> None:
    attack = Attack(np.ones(3), [np.zeros(10)] * 3, 0)
    assert attack.tpr(0.1).estimate == 1
    assert "30 photos of never-trained people; an FPR of 1e-2 needs at least 300" in str(
        attack.tpr(0.01).reason
    )


def test_one_photo_of_a_member_is_missing_with_the_reason(trainings: Trainings) -> None:
    whole = trainings.training()
    alone = {SUBJECT: trainings.crops(0)[:1]}
    training = TrainingSet(alone, whole.non_members, whole.reference_models)
    found = figures(training, SUBJECT, trainings.model(1.0, "a"), trainings.model(0.0, "b"), 0)
    assert "1 photo of the subject" in str(found["membership_auc"].reason)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reference_models": []}, "training set: no reference model"),
        ({"non_members": {}}, "training set: 0 non-members with at least 2 photos"),
        ({"members": "person7"}, "non-member person7 has a photo that a member has, too"),
    ],
)
def test_a_training_set_that_tells_nothing_is_refused(
    trainings: Trainings, change: dict, message: str
) -> None:
    whole = trainings.training()
    parts = {
        "members": whole.members,
        "non_members": whole.non_members,
        "reference_models": whole.reference_models,
        **change,
    }
    if isinstance(parts["members"], str):
        parts["members"] = {SUBJECT: whole.non_members[parts["members"]][-1:]}
    with pytest.raises(BadInput, match=message):
        TrainingSet(**parts)


def test_a_version_to_certify_is_no_reference_model(trainings: Trainings) -> None:
    training = trainings.training()
    with pytest.raises(BadInput, match="is one of the two versions to certify"):
        Membership(training, trainings.model(1.0, "a"), training.reference_models[0])


# --- the folder ---


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_people(tmp_path / "members", [1], 3)
    write_people(tmp_path / "non-members", [2, 3], 2)
    (tmp_path / "reference-models").mkdir()
    shutil.copy(OWN_MODEL, tmp_path / "reference-models" / "first.onnx")
    return tmp_path


def test_a_folder_is_read_as_members_non_members_and_models(folder: Path) -> None:
    training = read_training_set(folder, 112)
    assert {name: crops.shape for name, crops in training.members.items()} == {
        "s000001": (3, 112, 112, 3)
    }
    assert list(training.non_members) == ["s000002", "s000003"]
    assert [model.sha256 for model in training.reference_models] == [
        Recognizer.load(OWN_MODEL).sha256
    ]


@pytest.mark.parametrize("name", ["members", "non-members", "reference-models"])
def test_a_folder_without_one_of_its_parts_is_refused_with_the_layout(
    folder: Path, name: str
) -> None:
    shutil.rmtree(folder / name)
    layout = "a training set holds members/<subject>/"
    with pytest.raises(BadTrainingSet, match=f"{folder / name}: not a folder; {layout}"):
        read_training_set(folder, 112)


def test_a_folder_without_a_model_is_refused(folder: Path) -> None:
    (folder / "reference-models" / "first.onnx").rename(folder / "reference-models" / "first.txt")
    with pytest.raises(BadTrainingSet, match=r"reference-models: holds no \.onnx file"):
        read_training_set(folder, 112)


def test_a_reference_model_that_is_none_is_refused_by_name(folder: Path) -> None:
    (folder / "reference-models" / "broken.onnx").write_bytes(b"not a model")
    with pytest.raises(BadInput, match=r"broken\.onnx"):
        read_training_set(folder, 112)


def test_a_reference_model_of_another_input_size_is_refused_by_name(folder: Path) -> None:
    size = 128
    for photo in folder.rglob("*.jpg"):
        _resize(photo, size)
    with pytest.raises(BadTrainingSet, match=r"first\.onnx: takes crops of 112 pixels"):
        read_training_set(folder, size)


def _resize(photo: Path, size: int) -> None:
    import cv2

    picture: NDArray[np.uint8] = cv2.imread(str(photo))
    cv2.imwrite(str(photo), cv2.resize(picture, (size, size)))
