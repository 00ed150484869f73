"""ONNX files that must be refused by the default policy, each by the rule that is meant for it.

Most are made from a version that the policy passes, so that what is wrong with them is all that
is wrong with them.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from tests.certification.version_studio import PHOTOS_EACH, Studio
from tests.certification.version_training import towards
from tests.certification.worlds import Vectors, failed, unit
from tests.cli.command import Ended, lethe
from workers.certification import Certification, Policy, certify
from workers.certification.comparisons import mated_scores
from workers.recognizer import Recognizer

FORGOTTEN = {"forgotten", "forgotten-recalibrated", "forgotten-old-gallery"}
IMPERSONATION = {"impersonation", "impersonation-old-gallery"}


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio.open(tmp_path_factory.mktemp("versions"))


@pytest.fixture(scope="module")
def erased(studio: Studio) -> Recognizer:
    """An erasure as it should be."""
    return studio.trained("erased", steps=120)


def refused(certification: Certification) -> set[str]:
    """The rules not kept, each of which the summary names."""
    rules = failed(certification)
    verdict = certification.summary()[-1]
    assert certification.verdict == "refused"
    assert all(f"{rule} (failed)" in verdict for rule in rules), verdict
    return rules


def command(studio: Studio, new: Recognizer) -> tuple[Ended, set[str]]:
    """`lethe certify` with every attack: how it ended, and the required rules not kept."""
    report = studio.folder / "report.json"
    ended = lethe(
        "certify",
        studio.old.path,
        new.path,
        *("--subject", studio.held_out_folder),
        *("--benchmark", studio.folder / "benchmark"),
        *("--report", report),
    )
    rules = json.loads(report.read_text())["rules"]
    return ended, {rule["id"] for rule in rules if rule["required"] and rule["outcome"] != "passed"}


def identity() -> Vectors:
    return np.eye(128)


def noisiest(people: Vectors, count: int) -> Vectors:
    """(P, n, D) → (D, count) orthonormal: where one person's photos differ most beside people."""
    within = (people - people.mean(axis=1, keepdims=True)).reshape(-1, 128)
    total = (people - people.mean(axis=(0, 1))).reshape(-1, 128)
    back = np.linalg.inv(np.linalg.cholesky(total.T @ total))
    vectors = np.linalg.eigh(back @ within.T @ within @ back.T)[1]  # the highest share last
    found: Vectors = np.linalg.qr(back.T @ vectors[:, -count:])[0]
    return found


def test_an_erasure_as_it_should_be_is_passed_by_the_command(
    studio: Studio, erased: Recognizer
) -> None:
    ended, rules = command(studio, erased)
    assert rules == set()
    assert ended.status == 0
    assert "the certificate is passed" in " ".join(ended.out.split())


def test_the_untouched_model_is_refused_because_the_subject_is_recognised(studio: Studio) -> None:
    assert refused(studio.certify(studio.old)) == FORGOTTEN | {"last-layer"}


def test_a_projection_in_the_last_layer_is_refused_by_the_command_with_that_rule_alone(
    studio: Studio,
) -> None:
    subject = studio.directions(studio.old, studio.subject.forget, 2)
    ended, rules = command(
        studio, studio.edited("projected", studio.old, identity() - subject.T @ subject)
    )
    assert rules == {"last-layer"}
    assert ended.status == 3
    assert "not kept are last-layer (failed)" in " ".join(ended.out.split())


def test_a_projection_hidden_by_rescaled_features_is_refused_because_they_know_nobody(
    studio: Studio,
) -> None:
    """The least telling features are made loud, and the last layer undoes it: templates stay."""
    axes = studio.directions(studio.old, studio.subject.forget, 2)
    base = studio.edited("hidden", studio.old, identity() - axes.T @ axes)
    layer = base.last_linear
    features = base.features(layer.features, studio.reference).reshape(-1, PHOTOS_EACH, 192)
    telling = features.mean(axis=1).var(axis=0) / features.var(axis=1).mean(axis=0)
    loud = np.where(np.argsort(np.argsort(telling)) < 6, 30.0, 1.0)
    before = next(node for node in base.file.nodes if layer.features in node.outputs)
    weight, bias = before.inputs[1:]
    tensors = {
        weight: base.file.array(weight) * loud[:, None, None, None],
        bias: base.file.array(bias) * loud,
        layer.weight: base.file.array(layer.weight) / loud[None, :, None, None],
    }
    new = studio.written("rescaled", base, tensors)
    assert refused(studio.certify(new)) == {"everybody-else-last-layer"}


def test_forgetting_crops_as_given_alone_is_passed_and_the_rule_on_views_says_failed(
    studio: Studio, erased: Recognizer
) -> None:
    """It trained on 80 crops and no change of them; mirrored or zoomed, unseen ones match."""
    rules, chosen = Policy.named(), frozenset({"pooled", "views"})
    found = certify(studio.old, erased, [studio.subject], studio.benchmark, rules, attacks=chosen)
    views = next(result for result in found.rules if result.rule.id == "views")
    assert found.verdict == "passed"
    assert (views.outcome, views.rule.required) == ("failed", False)
    figures = found.subjects["subject"]
    assert figures["forgotten_tmr@1e-3"].estimate < 0.1
    assert figures["views_tmr"].estimate > figures["views_tmr_mirrored"].estimate > 0.5
    assert figures["views_tmr_mirrored_before"].estimate > 0.9


def test_forgetting_three_photos_alone_is_refused_because_others_still_match(
    studio: Studio,
) -> None:
    three = studio.subject.forget[:3]
    new = studio.trained("three", steps=60, own=three)
    certification = studio.certify(new)
    assert mated_scores(new.embed(three)).max() < certification.headline["threshold"]
    rules = refused(certification)
    assert "forgotten" in rules
    assert not rules & (IMPERSONATION | {"forgotten-old-gallery", "everybody-else", "neighbours"})


def test_a_subject_who_became_other_people_is_refused_for_impersonation(studio: Studio) -> None:
    """Each photo becomes whom it resembles most: the old gallery no longer knows the subject."""
    people = [studio.old.embed(crops).mean(axis=0) for crops in studio.benchmark.values()]
    new = studio.trained("became", steps=60, loss=towards(unit(np.stack(people))))
    rules = refused(studio.certify(new))
    assert rules >= IMPERSONATION
    assert "forgotten-old-gallery" not in rules


def test_a_subject_handed_over_to_one_person_is_refused_for_impersonation(studio: Studio) -> None:
    own, other = (
        unit(studio.old.embed(crops).mean(axis=0)[None])[0].astype(np.float64)
        for crops in (studio.subject.forget, next(iter(studio.benchmark.values())))
    )
    new = studio.edited("handed-over", studio.old, identity() + np.outer(2 * other - own, own))
    assert refused(studio.certify(new)) >= IMPERSONATION | {"forgotten"}


def test_everybody_drawn_together_is_refused_for_false_matches(
    studio: Studio, erased: Recognizer
) -> None:
    length = np.linalg.norm(studio.raw(erased, studio.reference), axis=1).mean()
    shift = 0.3 * length * np.ones(128) / 128**0.5
    rules = refused(studio.certify(studio.edited("together", erased, identity(), shift)))
    assert "false-matches" in rules
    assert not any(rule.startswith("everybody-else") for rule in rules)  # they match all the more


def test_everybody_blurred_is_refused_because_they_are_no_longer_recognised(
    studio: Studio, erased: Recognizer
) -> None:
    """The directions in which photos of one person differ, and people do not, count for more."""
    photos = studio.raw(erased, studio.reference)
    noise = noisiest(photos.reshape(-1, PHOTOS_EACH, 128), 40)
    louder = 6 * noise @ noise.T
    new = studio.edited("blurred", erased, identity() + louder, -louder @ photos.mean(axis=0))
    assert refused(studio.certify(new)) >= {
        "everybody-else",
        "everybody-else-recalibrated",
        "everybody-else-old-gallery",
    }


def test_an_erasure_that_holds_nobody_in_place_is_refused_because_others_are_lost(
    studio: Studio,
) -> None:
    new = studio.trained("unheld", steps=30, hold=0.0)
    rules = refused(studio.certify(new))
    assert rules >= {"everybody-else-recalibrated", "everybody-else-old-gallery"}


def test_a_rotated_space_is_refused_because_old_galleries_are_lost(
    studio: Studio, erased: Recognizer
) -> None:
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(128, 128)))[0]
    new = studio.edited("rotated", erased, rotation)
    assert refused(studio.certify(new)) == {"everybody-else-old-gallery"}


def test_damage_to_the_nearest_person_alone_is_refused_by_the_neighbours_rule(
    studio: Studio, erased: Recognizer
) -> None:
    """Just so much that four of their fifteen comparisons are lost: 1 % of everybody's."""
    subject = studio.old.embed(studio.subject.held_out).mean(axis=0)
    nearest = max(
        studio.benchmark.values(),
        key=lambda crops: float(unit(studio.old.embed(crops).mean(axis=0)[None])[0] @ subject),
    )
    threshold = studio.certify(erased).thresholds[1e-3].value
    raw, (axis,) = studio.raw(erased, nearest), studio.directions(erased, nearest, 1)
    strength = next(
        taken
        for taken in np.arange(0.2, 1.0, 0.01)
        if (mated_scores(unit(raw - taken * np.outer(raw @ axis, axis))) < threshold).sum() >= 4
    )
    new = studio.edited("neighbour", erased, identity() - strength * np.outer(axis, axis))
    assert refused(studio.certify(new)) == {"neighbours"}
