"""Attacks on the shared recogniser, untouched and with the subject taken out of its last layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from tests.certification.scenes import Scene, embedded
from tests.certification.worlds import unit
from workers.certification import Subject
from workers.certification.attacks import pooled, probe, prototype, replay
from workers.certification.figures import Figure
from workers.certification.templates import Crops
from workers.recognizer import Recognizer

SUBJECT, PHOTOS = "p05", 40  # of each person; half of the subject's are held out
BENCHMARK = ("p02", "p03", "p06", "p07", "p08", "p09", "p10", "p12", "p13", "p14")


def read(folder: Path) -> Crops:
    paths = sorted(folder.iterdir())[:PHOTOS]
    return np.stack([np.asarray(Image.open(path).convert("RGB")) for path in paths])


def without_subject(model: Recognizer, forget: Crops, file: Path) -> Recognizer:
    """The two main directions of the forget photos taken out of the last linear layer."""
    layer = model.last_linear
    kept = {
        tensor.name: onnx.numpy_helper.to_array(tensor)
        for tensor in onnx.load(model.path).graph.initializer
        if tensor.name in {layer.weight, layer.bias}
    }
    raw = model.features(layer.output, forget).reshape(len(forget), -1)
    directions = np.linalg.svd(unit(raw), full_matrices=False)[2][:2]
    project = np.eye(raw.shape[1], dtype=np.float32) - directions.T @ directions
    model.write(file, {name: np.tensordot(project, of, axes=1) for name, of in kept.items()})
    return Recognizer.load(file)


@pytest.fixture(scope="module")
def head_only(shared_faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    old = Recognizer.load(shared_faces / "models" / "mobilefacenet.onnx")
    crops = read(shared_faces / "people" / SUBJECT)
    people = {name: read(shared_faces / "people" / name) for name in BENCHMARK}
    subject = Subject("s", crops[:20], crops[20:])
    new = without_subject(old, subject.forget, tmp_path_factory.mktemp("head") / "new.onnx")
    return embedded(old, new, subject, people)


@pytest.fixture(scope="module")
def probed(head_only: Scene) -> dict[str, Figure]:
    return probe.figures(*head_only)


def test_prototypes_know_the_subject_of_the_old_version_alone(head_only: Scene) -> None:
    found = prototype.figures(*head_only)
    before = [found[f"prototype_tmr_{shots}_before"].estimate for shots in prototype.SHOTS]
    assert 0.5 < before[0] < before[1] <= before[2]
    assert found["prototype_tmr_1"].estimate < 0.1


def test_old_templates_find_the_subject_no_more(head_only: Scene) -> None:
    found = replay.figures(*head_only)
    for name in ("replay_tpir", "replay_old_gallery_tpir"):
        assert found[f"{name}_before"].estimate > 0.8
        assert found[name].estimate < 0.2


def test_pooled_features_show_that_the_last_layer_alone_was_changed(head_only: Scene) -> None:
    found = pooled.figures(*head_only)
    assert found["pooled_tmr"].estimate == pytest.approx(found["pooled_tmr_before"].estimate)
    assert found["pooled_tmr"].estimate > 0.5


@pytest.mark.parametrize("kind", ["linear", "mlp"])
def test_probes_on_pooled_features_show_it_too(probed: dict[str, Figure], kind: str) -> None:
    name = f"probe_{kind}_pooled_tpr"
    assert probed[name].estimate == pytest.approx(probed[f"{name}_before"].estimate)
    assert probed[name].estimate > 0.9
    assert probed[f"{name}_stranger"].estimate > 0.8
    on_templates = f"probe_{kind}_templates_tpr"
    assert probed[on_templates].estimate < probed[f"{on_templates}_before"].estimate - 0.2
