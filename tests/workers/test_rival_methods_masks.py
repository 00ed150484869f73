"""Boundary shrink, SCRUB, SSD and SalUn: what each changes, and what it must leave alone."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from storage.uploads.images import Pixels
from tests.workers.cast import Cast, crops
from workers.recognizer import CutPoint, Recognizer
from workers.unlearning import Plan, unlearn
from workers.unlearning.anchors import Anchors
from workers.unlearning.batches import Batches
from workers.unlearning.boundary_shrink import BoundaryShrink
from workers.unlearning.forgotten import Forgotten
from workers.unlearning.frozen import choose_cut, reference_activations
from workers.unlearning.head import Head
from workers.unlearning.method import Batch, Method, Scene
from workers.unlearning.salun import SALIENT, SalUn, salient
from workers.unlearning.scrub import FIRST_PART, MAX_EVERY, Scrub
from workers.unlearning.ssd import ALPHA, SelectiveSynapticDampening, factors, importances
from workers.unlearning.tail import Tail

SMALL = Plan(light_views=3, strong_views=2, light_batch=16, strong_batch=4, reference_batch=32)
SHORT = 40  # steps


@dataclass(frozen=True)
class Expected:
    kept: float  # mean cosine of a reference face to its old template, at least
    left: float  # the same of the subject, at most
    scattered: float  # by which the mean mated cosine of the forget photos falls, at least


# Two of the methods move the whole person to another place and need not scatter the photos.
EXPECTED = {
    "boundary-shrink": Expected(kept=0.95, left=0.6, scattered=-0.1),
    "scrub": Expected(kept=0.93, left=0.6, scattered=-0.1),
    "ssd": Expected(kept=0.82, left=0.95, scattered=0.05),
    "salun": Expected(kept=0.93, left=0.5, scattered=0.2),
}


@pytest.fixture(scope="module")
def subject(cast: Cast) -> Pixels:
    return crops([photo.data for photo in cast.subject[:8]])


@pytest.fixture(scope="module")
def reference(cast: Cast) -> dict[str, Pixels]:
    """Three photos of each of twelve people."""
    return {who: crops(photos[:3]) for who, photos in list(cast.reference.items())[:12]}


@pytest.fixture(scope="module")
def cut(recognizer: Recognizer) -> CutPoint:
    return choose_cut(recognizer.cut_points(), SMALL)


@pytest.fixture(scope="module")
def untouched(
    recognizer: Recognizer, cut: CutPoint, subject: Pixels, reference: dict[str, Pixels]
) -> Scene:
    """Two subjects, of five photos and of three."""
    tail, rng = Tail(recognizer, cut), np.random.default_rng(0)
    kept = reference_activations(recognizer, cut, np.concatenate([*reference.values()]), None)
    person = np.repeat(np.arange(len(reference)), [len(own) for own in reference.values()])
    forgotten = Forgotten.make(recognizer, cut, tail, [subject[:5], subject[5:]], SMALL)
    anchors = Anchors.make(tail, kept, person, rng)
    return Scene(recognizer, cut, tail, forgotten, anchors, SMALL, rng)


@pytest.fixture
def scene(recognizer: Recognizer, cut: CutPoint, untouched: Scene) -> Scene:
    """A tail and a generator of the test's own."""
    return dataclasses.replace(untouched, tail=Tail(recognizer, cut), rng=np.random.default_rng(0))


def short(method: str) -> Plan:
    return dataclasses.replace(SMALL, method=method, steps=SHORT, learning_rate=3e-3)


def step(method: Method, batch: Batch, learning_rate: float = 1e-2) -> None:
    """One plain step down the method's loss, for SCRUB a min step: max ones start flat."""
    loss = torch.stack(list(method.loss(batch, 0.0).values())).sum()
    loss.backward()  # type: ignore[no-untyped-call]
    with torch.no_grad():
        for weight in method.scene.tail.parameters():
            weight.sub_(learning_rate * torch.as_tensor(weight.grad))


def mated(templates: NDArray[np.float32]) -> float:
    """Mean cosine of the subject's photos, each with every other."""
    rows, columns = np.triu_indices(len(templates), k=1)
    return float((templates @ templates.T)[rows, columns].mean())


@pytest.mark.parametrize("name", list(EXPECTED))
def test_after_a_short_run_the_subject_has_moved_and_everybody_else_is_near(
    recognizer: Recognizer,
    subject: Pixels,
    reference: dict[str, Pixels],
    tmp_path: Path,
    name: str,
) -> None:
    expected = EXPECTED[name]
    tensors = unlearn(recognizer, [subject], reference, short(name)).tensors
    recognizer.write(tmp_path / "new.onnx", tensors)
    new = Recognizer.load(tmp_path / "new.onnx")
    others = np.concatenate([*reference.values()])
    before, after = recognizer.embed(subject), new.embed(subject)
    assert (new.embed(others) * recognizer.embed(others)).sum(1).mean() > expected.kept
    assert (after * before).sum(1).mean() < expected.left
    assert mated(after) < mated(before) - expected.scattered


def test_boundary_shrink_never_labels_a_view_as_a_subject(scene: Scene) -> None:
    method, batches = BoundaryShrink(scene), Batches(scene)
    for _ in range(3):
        batch = batches.draw()
        labels = method.nearest_wrong(batch)
        assert labels.shape == batch.person.shape
        assert (
            int(labels.max())
            < method.head.people
            <= int(method.head.subject_label(batch.person).min())
        )
        step(method, batch)


def test_boundary_shrink_finds_the_label_without_a_trace_in_the_gradients(scene: Scene) -> None:
    method = BoundaryShrink(scene)
    method.nearest_wrong(Batches(scene).draw())
    assert all(weight.grad is None for weight in scene.tail.parameters())


def test_scrub_has_max_steps_in_the_first_part_alone(scene: Scene) -> None:
    scene = dataclasses.replace(scene, plan=short("scrub"))
    method, batch = Scrub(scene), Batches(scene).draw()
    disobeys = ["max" in method.loss(batch, number / SHORT) for number in range(1, SHORT + 1)]
    last = round(FIRST_PART * SHORT)
    assert sum(disobeys[:last]) == -(-last // MAX_EVERY)
    assert last < SHORT
    assert not any(disobeys[last:])


def test_scrub_at_first_is_where_its_teacher_is(scene: Scene) -> None:
    method, batch = Scrub(scene), Batches(scene).draw()
    assert float(method.loss(batch, 0.0)["distil"].detach()) == pytest.approx(0.0, abs=1e-4)
    at_first = float(method.loss(batch, 1 / SMALL.steps)["max"].detach())
    step(method, batch)
    assert at_first == pytest.approx(0.0, abs=1e-4)
    later = method.loss(Batches(scene).draw(), 1 / SMALL.steps)["max"]
    assert float(later.detach()) < at_first - 0.01


def test_ssd_dampens_only_weights_that_matter_more_than_alpha_times_to_the_subjects(
    scene: Scene,
) -> None:
    before = [weight.detach().clone() for weight in scene.tail.parameters()]
    forgotten, kept = importances(scene)
    SelectiveSynapticDampening(scene)
    dampened = 0
    rows = zip(scene.tail.parameters(), before, forgotten, kept, strict=True)
    for new, old, own, others in rows:
        spared = own <= ALPHA * others
        assert torch.equal(new[spared], old[spared])
        assert bool((new.abs() <= old.abs()).all())
        dampened += int((new != old).sum())
    assert 0 < dampened < sum(weight.numel() for weight in before) / 2


def test_ssd_dampens_by_the_ratio_of_the_importances() -> None:
    forgotten, kept = torch.tensor([4 * ALPHA, ALPHA, 1.0, 1.0]), torch.tensor([1.0, 1.0, 2.0, 0.0])
    assert factors(forgotten, kept).tolist() == pytest.approx([1 / (4 * ALPHA), 1.0, 1.0, 0.0])
    assert factors(torch.zeros(2), torch.zeros(2)).tolist() == [1.0, 1.0]


def test_salun_moves_the_half_of_the_weights_where_the_forget_loss_is_steepest(
    scene: Scene,
) -> None:
    masks = SalUn(scene).speeds()
    weights = scene.tail.weights
    assert {name: mask.shape for name, mask in masks.items()} == {
        name: weight.shape for name, weight in weights.items()
    }
    flat = torch.cat([mask.flatten() for mask in masks.values()])
    assert set(flat.tolist()) == {0.0, 1.0}
    assert float(flat.mean()) == pytest.approx(SALIENT, abs=1 / len(flat))


def test_weights_that_salun_masks_are_the_same_to_the_bit_after_a_run(
    recognizer: Recognizer, cut: CutPoint, subject: Pixels, reference: dict[str, Pixels]
) -> None:
    plan = dataclasses.replace(short("salun"), steps=5)
    result = unlearn(recognizer, [subject], reference, plan)
    tail = Tail(recognizer, cut)
    forgotten = Forgotten.make(recognizer, cut, tail, [subject], plan)
    kept = reference_activations(recognizer, cut, np.concatenate([*reference.values()]), None)
    person = np.repeat(np.arange(len(reference)), [len(own) for own in reference.values()])
    rng = np.random.default_rng(plan.seed)
    anchors = Anchors.make(tail, kept, person, rng)
    again = Scene(recognizer, cut, tail, forgotten, anchors, plan, rng)
    for name, mask in salient(again, Head.make(again)).items():
        moved = result.tensors[name] != recognizer.file.array(name)
        assert not moved[mask.numpy() == 0].any()
        assert moved[mask.numpy() == 1].mean() > 0.9
