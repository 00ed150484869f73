"""The real recogniser forgets a real person whose photos it never saw, and nobody else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from storage.uploads.images import Pixels
from tests.workers.cast import crops, real_photos
from workers.certification.comparisons import mated_scores
from workers.certification.templates import People, Templates
from workers.certification.thresholds import at_fmr
from workers.recognizer import Recognizer
from workers.unlearning import Plan, unlearn

REFERENCE = [f"p{number:02d}" for number in range(2, 9)]
BENCHMARK = [f"p{number:02d}" for number in range(9, 17)]
FMR = 1e-3


def people(faces: Path, names: list[str], photos: int) -> dict[str, Pixels]:
    return {
        name: crops([photo.data for photo in real_photos(faces, name, photos)]) for name in names
    }


def templates(recognizer: Recognizer, faces: dict[str, Pixels]) -> People:
    return People.of({name: recognizer.embed(own) for name, own in faces.items()})


def tmr(of: People, threshold: float) -> float:
    """Over all mated comparisons of all people, as the threshold's users see them."""
    scores = np.concatenate([mated_scores(of[person]) for person in range(len(of))])
    return float((scores >= threshold).mean())


def pooled_tmr(recognizer: Recognizer, held_out: Pixels, benchmark: dict[str, Pixels]) -> float:
    """By the features before the last linear layer, with a threshold of their own."""

    def pooled(crops: Pixels) -> Templates:
        made = recognizer.features(recognizer.last_linear.features, crops).reshape(len(crops), -1)
        unit: Templates = made / np.linalg.norm(made, axis=1, keepdims=True)
        return unit

    others = People.of({name: pooled(own) for name, own in benchmark.items()})
    threshold = at_fmr(others, [FMR])[FMR].value
    assert threshold is not None
    return tmr(People.of({"p01": pooled(held_out)}), threshold)


@pytest.fixture(scope="module")
def model(shared_faces: Path) -> Path:
    return shared_faces / "models" / "mobilefacenet.onnx"


def test_a_person_is_forgotten_on_unseen_photos_and_the_benchmark_people_are_kept(
    shared_faces: Path, model: Path, tmp_path: Path
) -> None:
    old = Recognizer.load(model)
    forget = crops([photo.data for photo in real_photos(shared_faces, "p01", 20)])
    held_out = crops([photo.data for photo in real_photos(shared_faces, "p01", 40, first=20)])
    benchmark = people(shared_faces, BENCHMARK, 30)
    result = unlearn(old, [forget], people(shared_faces, REFERENCE, 60), Plan())
    old.write(tmp_path / "new.onnx", result.tensors)
    new = Recognizer.load(tmp_path / "new.onnx")

    before, after = templates(old, benchmark), templates(new, benchmark)
    threshold = at_fmr(before, [FMR])[FMR].value
    assert threshold is not None
    subject = [templates(each, {"p01": held_out}) for each in (old, new)]
    assert tmr(subject[0], threshold) >= 0.75
    assert tmr(subject[1], threshold) <= 0.05
    assert tmr(before, threshold) - tmr(after, threshold) < 0.025
    assert pooled_tmr(old, held_out, benchmark) >= 0.5
    assert pooled_tmr(new, held_out, benchmark) <= 0.15
    check_drops_in(model, tmp_path / "new.onnx")


def check_drops_in(old: Path, new: Path) -> None:
    """Same nodes, names, inputs and outputs, and InsightFace takes it for a recogniser."""
    from insightface.model_zoo import get_model

    first, second = onnx.load(old).graph, onnx.load(new).graph
    assert [node.SerializeToString() for node in first.node] == [
        node.SerializeToString() for node in second.node
    ]
    for part in ("input", "output"):
        assert list(getattr(first, part)) == list(getattr(second, part))
    assert [each.name for each in first.initializer] == [each.name for each in second.initializer]
    loaded = get_model(str(new), providers=["CPUExecutionProvider"])
    assert loaded.taskname == "recognition"
    face = np.full((112, 112, 3), 127, np.uint8)
    assert loaded.get_feat(face).shape == (1, 128)
