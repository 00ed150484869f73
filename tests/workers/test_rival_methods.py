"""Methods of others: each forgets what it says it forgets, and how far everybody else moves."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lethe.demo.people import UNSEEN, write_people
from storage.faces.sets import read_folder
from storage.uploads.images import Pixels
from tests.workers.cast import crops
from workers.recognizer import Recognizer
from workers.unlearning import METHODS, Plan, unlearn
from workers.unlearning.anchors import Anchors
from workers.unlearning.batches import Batches
from workers.unlearning.forgotten import Forgotten
from workers.unlearning.frozen import choose_cut, reference_activations
from workers.unlearning.gradient_ascent import BOUND, GradientAscent
from workers.unlearning.head import MARGIN, SCALE, Head
from workers.unlearning.method import Method, Scene
from workers.unlearning.methods import TAIL_METHODS
from workers.unlearning.random_labels import RandomLabels
from workers.unlearning.spotter import PUSHED_VIEWS, RADIUS, Spotter
from workers.unlearning.tail import Tail
from workers.unlearning.zakharov import Hard, Uniform

SMALL = Plan(
    light_views=3,
    strong_views=1,
    light_batch=16,
    strong_batch=4,
    reference_batch=32,
    tail_macs=0,  # a later cut than usual: a step takes milliseconds
)
SUBJECT = UNSEEN[:1]
REFERENCE = UNSEEN[10:20]
SCATTERING = {  # cosine to their old templates that the reference faces keep
    "zakharov-uniform": 0.97,
    "zakharov-hard": 0.97,
    "spotter": 0.9,
    "random-labels": 0.8,
}
LEAVING = {"gradient-ascent": 0.9, "gradient-ascent-retain": 0.8}


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> list[Pixels]:
    """Two photos of each of ten people, then six of a subject."""
    folder = tmp_path_factory.mktemp("people")
    write_people(folder / "reference", REFERENCE, 2)
    write_people(folder / "subject", SUBJECT, 6)
    shown = [*read_folder(folder / "reference").values(), *read_folder(folder / "subject").values()]
    return [crops([path.read_bytes() for path in paths]) for paths in shown]


@pytest.fixture(scope="module")
def subject(people: list[Pixels]) -> Pixels:
    return people[-1]


@pytest.fixture(scope="module")
def reference(people: list[Pixels]) -> dict[str, Pixels]:
    return {f"person {number}": photos for number, photos in enumerate(people[:-1])}


def staged(
    recognizer: Recognizer, subjects: list[Pixels], reference: dict[str, Pixels], plan: Plan
) -> Scene:
    cut = choose_cut(recognizer.cut_points(), plan)
    tail, rng = Tail(recognizer, cut), np.random.default_rng(plan.seed)
    kept = reference_activations(recognizer, cut, np.concatenate([*reference.values()]), None)
    person = np.repeat(np.arange(len(reference)), [len(own) for own in reference.values()])
    forgotten = Forgotten.make(recognizer, cut, tail, subjects, plan)
    anchors = Anchors.make(tail, kept, person, rng)
    return Scene(recognizer, cut, tail, forgotten, anchors, plan, rng)


@pytest.fixture(scope="module")
def scene(recognizer: Recognizer, subject: Pixels, reference: dict[str, Pixels]) -> Scene:
    """Two subjects, of four photos and of two."""
    return staged(recognizer, [subject[:4], subject[4:]], reference, SMALL)


def angled(*degrees: float) -> torch.Tensor:
    """Templates in the plane of the first two axes, so many degrees from the first."""
    turned = torch.deg2rad(torch.tensor(degrees))
    return F.pad(torch.stack([turned.cos(), turned.sin()], dim=1), (0, 2))


def test_every_method_of_the_plan_but_the_closed_form_has_a_class_and_no_other_has() -> None:
    assert set(METHODS) - {"projection"} == set(TAIL_METHODS)
    assert len(METHODS) == len(set(METHODS))


def test_the_logits_are_the_scaled_cosines_to_each_class() -> None:
    head = Head(torch.eye(4), people=3)
    logits = head.logits(angled(0.0, 60.0, 90.0))
    expected = SCALE * torch.tensor([[1, 0, 0, 0], [0.5, math.sqrt(0.75), 0, 0], [0, 1, 0, 0]])
    assert torch.allclose(logits, expected, atol=1e-4)
    assert head.subject_label(torch.tensor([0])).tolist() == [3]
    assert torch.isinf(head.masked(logits)).tolist() == [[False, False, False, True]] * 3


def test_the_margin_loss_turns_the_own_class_away_by_the_margin() -> None:
    head = Head(torch.eye(4), people=3)
    for degrees in (5.0, 45.0, 90.0, 120.0):
        angle = math.radians(degrees)
        own = SCALE * math.cos(angle + MARGIN)
        logits = torch.tensor([own, SCALE * math.sin(angle), 0.0, 0.0])
        expected = torch.logsumexp(logits, 0) - own
        (found,) = head.margin_loss(angled(degrees), torch.tensor([0]))
        assert float(found) == pytest.approx(float(expected), rel=1e-4, abs=1e-4)


def test_the_margin_loss_rises_all_the_way_from_a_class_to_its_opposite() -> None:
    head = Head(torch.eye(4)[[0, 3]], people=2)
    away = angled(*np.linspace(0.0, 180.0, 181).tolist())
    losses = head.margin_loss(away, torch.zeros(181, dtype=torch.long))
    assert (losses.diff() >= -1e-4).all()
    assert losses[-1] > losses[0] + SCALE


@pytest.mark.parametrize("cosine", [1.0, -1.0, 1.0 + 1e-6, -1.0 - 1e-6])
def test_the_margin_loss_has_a_finite_slope_on_a_class_and_opposite_to_it(cosine: float) -> None:
    templates = torch.tensor([[cosine, 0.0, 0.0, 0.0]], requires_grad=True)
    loss = Head(torch.eye(4), people=3).margin_loss(templates, torch.tensor([0])).sum()
    loss.backward()  # type: ignore[no-untyped-call]
    assert torch.isfinite(loss)
    assert templates.grad is not None
    assert torch.isfinite(templates.grad).all()


def test_the_head_has_a_row_for_each_reference_person_and_each_subject(scene: Scene) -> None:
    head = Head.make(scene)
    assert (head.people, head.classes) == (10, 12)
    faces = scene.anchors.faces
    assert torch.allclose(head.rows[3], F.normalize(faces[6:8].mean(0), dim=0), atol=1e-5)
    own = head.logits(scene.forgotten.light_old[:, 0]).argmax(1)
    assert own.tolist() == head.subject_label(torch.from_numpy(scene.forgotten.person)).tolist()


def test_mixtures_of_people_count_for_no_class(scene: Scene) -> None:
    head, batch = Head.make(scene), Batches(scene).draw()
    real = batch.kept_person >= 0
    assert 0 < int(real.sum()) < len(real)
    own = head.margin_loss(batch.kept[real], batch.kept_person[real]).mean()
    assert torch.isclose(head.reference_loss(batch), own, atol=1e-5)
    nobody = dataclasses.replace(batch, kept_person=torch.full_like(batch.kept_person, -1))
    assert float(head.reference_loss(nobody).detach()) == 0.0


def test_uniform_dispersion_weighs_all_pairs_above_zero_alike_and_hard_only_each_faces_nearest(
    scene: Scene,
) -> None:
    cosines = torch.tensor([[1.0, 0.8, 0.2], [0.8, 1.0, -0.4], [0.2, -0.4, 1.0]])
    mated = ~torch.eye(3, dtype=torch.bool)
    assert float(Uniform(scene).disperse(cosines, mated)) == pytest.approx((0.8 + 0.2) / 3)
    assert float(Hard(scene).disperse(cosines, mated)) == pytest.approx((0.8 + 0.8 + 0.2) / 3)
    for method in (Uniform(scene), Hard(scene)):
        assert float(method.disperse(cosines, torch.zeros_like(mated))) == 0.0


@pytest.mark.parametrize("method", [Uniform, Hard])
def test_a_subject_of_one_photo_disperses_over_its_views(
    method: type[Method], recognizer: Recognizer, subject: Pixels, reference: dict[str, Pixels]
) -> None:
    scene = staged(recognizer, [subject[:1]], reference, SMALL)
    assert float(method(scene).loss(Batches(scene).draw(), 0.0)["disperse"].detach()) > 0.3


def test_ascent_stops_at_its_bound(scene: Scene) -> None:
    method = GradientAscent(scene)
    batch = Batches(scene).draw()
    views = torch.cat([batch.centre[:8], -batch.centre[8:]]).requires_grad_()
    loss = method.loss(dataclasses.replace(batch, forgotten=views), 0.0)["ascent"]
    loss.backward()  # type: ignore[no-untyped-call]
    assert views.grad is not None
    moved = views.grad.abs().sum(1) > 0
    assert moved[:8].all()
    assert not moved[8:].any()
    own = method.head.margin_loss(-batch.centre[8:], method.head.subject_label(batch.person[8:]))
    assert float(own.min()) > BOUND * math.log(method.head.classes)


def test_spotter_looks_near_the_subjects_on_the_side_of_the_next_person(scene: Scene) -> None:
    start = scene.forgotten.light[:, :PUSHED_VIEWS].flatten(0, 1)
    near, head = Spotter(scene).near, Head.make(scene)
    radius = RADIUS * float(start.float().std())
    assert float((near.float() - start.float()).abs().max()) <= radius * 1.01 + 1e-3  # halves
    before = head.masked(head.logits(scene.tail.templates(start))).amax(1)
    after = head.masked(head.logits(scene.tail.templates(near))).amax(1)
    assert (after > before).all()


def test_random_labels_are_one_reference_person_a_photo_and_the_same_for_the_same_seed(
    scene: Scene,
) -> None:
    first, again = RandomLabels(scene).labels, RandomLabels(scene).labels
    assert first.tolist() == again.tolist()
    assert first.shape == (6,)
    assert set(first.tolist()) <= set(range(10))
    other = dataclasses.replace(scene, plan=dataclasses.replace(SMALL, seed=1))
    assert RandomLabels(other).labels.tolist() != first.tolist()


def mated(templates: torch.Tensor) -> float:
    """Mean cosine of all pairs."""
    rows, columns = np.triu_indices(len(templates), 1)
    return float((templates @ templates.T)[rows, columns].mean())


def after(
    method: str, recognizer: Recognizer, subject: Pixels, others: dict[str, Pixels], path: Path
) -> Recognizer:
    plan = dataclasses.replace(SMALL, method=method, steps=40, learning_rate=3e-3)
    recognizer.write(path, unlearn(recognizer, [subject], others, plan).tensors)
    return Recognizer.load(path)


def templates(recognizer: Recognizer, faces: Pixels) -> torch.Tensor:
    return F.normalize(torch.from_numpy(recognizer.embed(faces)))


def held(old: Recognizer, new: Recognizer, faces: Pixels) -> float:
    """Mean cosine between the new templates and the old ones."""
    return float((templates(new, faces) * templates(old, faces)).sum(1).mean())


@pytest.mark.parametrize(("method", "stays"), SCATTERING.items())
def test_a_short_run_scatters_the_subject_and_leaves_the_reference_faces(
    method: str,
    stays: float,
    recognizer: Recognizer,
    subject: Pixels,
    reference: dict[str, Pixels],
    tmp_path: Path,
) -> None:
    new = after(method, recognizer, subject, reference, tmp_path / "new.onnx")
    assert mated(templates(new, subject)) < mated(templates(recognizer, subject)) - 0.2
    assert held(recognizer, new, np.concatenate([*reference.values()])) > stays


@pytest.mark.parametrize(("method", "stays"), LEAVING.items())
def test_a_short_ascent_takes_the_subject_further_from_the_old_templates_than_anybody_else(
    method: str,
    stays: float,
    recognizer: Recognizer,
    subject: Pixels,
    reference: dict[str, Pixels],
    tmp_path: Path,
) -> None:
    new = after(method, recognizer, subject, reference, tmp_path / "new.onnx")
    others = held(recognizer, new, np.concatenate([*reference.values()]))
    assert held(recognizer, new, subject) < others - 0.1
    assert others > stays
