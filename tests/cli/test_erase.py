"""`lethe erase` and `lethe certify`, from files to files, on the recogniser that Lethe ships."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from insightface.model_zoo import get_model
from onnx import numpy_helper

from storage.canonical import file_sha256
from tests.cli.command import OWN_MODEL, Ended, lethe, lethe_process
from tests.cli.conftest import FORGET, PHOTOS_EACH, REFERENCE, Folders
from tests.storage.pictures import encoded, picture
from workers.faces import decode_crop
from workers.recognizer import Recognizer


@dataclass(frozen=True)
class Erasure:
    ended: Ended
    new: Path
    report: dict[str, Any]
    subject: Path


@pytest.fixture(scope="module")
def erasure(folders: Folders, tmp_path_factory: pytest.TempPathFactory) -> Erasure:
    """One real run of the installed command; one photo is noise and one is there twice."""
    root = tmp_path_factory.mktemp("erasure")
    subject = root / "subject"
    shutil.copytree(folders.subject, subject)
    (subject / "noise.png").write_bytes(encoded(picture(1, 112, 112), "PNG"))
    shutil.copy(subject / "000.jpg", subject / "twice.jpg")
    new, report = root / "new.onnx", root / "report.json"
    ended = lethe_process(
        "erase", OWN_MODEL, "--subject", subject, "--reference", folders.reference,
        "--out", new, "--report", report, "--seed", "7",
    )  # fmt: skip
    assert ended.status == 0, ended
    return Erasure(ended, new, json.loads(report.read_bytes()), subject)


def test_the_new_version_loads_in_insightface_and_embeds_as_lethe_says(
    erasure: Erasure, folders: Folders
) -> None:
    loaded = get_model(str(erasure.new))
    photo = next(folders.held_out.iterdir())
    pixels = decode_crop(photo.read_bytes(), photo.name, 112)
    theirs = loaded.get_feat(np.ascontiguousarray(pixels[:, :, ::-1])).ravel()  # BGR
    ours = Recognizer.load(erasure.new).embed(pixels[None])[0]
    assert loaded.taskname == "recognition"
    assert theirs @ ours / np.linalg.norm(theirs) == pytest.approx(1.0, abs=1e-4)


def test_nothing_differs_but_the_initialisers_that_the_report_names(erasure: Erasure) -> None:
    old, new = onnx.load(OWN_MODEL), onnx.load(erasure.new)
    before, after = tensors(old), tensors(new)
    assert list(before) == list(after)
    changed = sorted(name for name in before if before[name] != after[name])
    assert changed == erasure.report["changed_initialisers"]
    assert changed
    for model in (old, new):
        del model.graph.initializer[:]
    assert old.SerializeToString(deterministic=True) == new.SerializeToString(deterministic=True)


def test_the_report_holds_every_figure_that_was_printed(erasure: Erasure) -> None:
    figures, out = erasure.report["figures"], erasure.ended.out
    for text, key in (("subjects' forget photos", "forget"), ("reference people", "reference")):
        row = next(line for line in out.splitlines() if line.startswith(text))
        printed = [float(number) for number in row.split()[-2:]]
        kept = [figures[f"{key}_tmr_{when}"] for when in ("before", "after")]
        assert printed == pytest.approx(kept, abs=5e-4)
    assert f"cosine ≥ {figures['threshold']:.3f}" in out
    assert f"{FORGET} forget photos" in out
    assert f"{REFERENCE * PHOTOS_EACH} reference faces" in out
    assert f"{erasure.report['seconds']:.0f} s" in out
    assert erasure.report["new"]["sha256"][:16] in out


def test_the_report_names_both_files_by_their_digests(erasure: Erasure) -> None:
    assert erasure.report["old"]["sha256"] == file_sha256(OWN_MODEL)
    assert erasure.report["new"]["sha256"] == file_sha256(erasure.new)
    assert (erasure.report["seed"], erasure.report["method"]) == (7, "gated")


def test_the_subjects_photos_no_longer_match_and_everybody_elses_do(erasure: Erasure) -> None:
    figures = erasure.report["figures"]
    assert figures["forget_tmr_before"] > 0.8
    assert figures["forget_tmr_after"] < 0.05
    assert figures["reference_tmr_after"] > figures["reference_tmr_before"] - 0.05


def test_without_a_name_the_method_is_our_best_and_it_says_how_it_was_carried_out(
    erasure: Erasure,
) -> None:
    without = "dispersion without a gate: the network has no blocks for one"
    assert erasure.report["carried_out_as"] == without
    assert f"method gated, {erasure.report['steps']} steps: {without}" in erasure.ended.out


def test_noise_and_the_photo_that_is_there_twice_are_left_out_in_a_line_each(
    erasure: Erasure,
) -> None:
    lines = [line for line in erasure.ended.out.splitlines() if line.startswith("left out: ")]
    assert len(lines) == erasure.report["photos_left_out"] == 2
    for name, reason in (("twice.jpg", "the same picture as"), ("noise.png", "face")):
        named = [line for line in lines if str(erasure.subject / name) in line]
        assert len(named) == 1
        assert reason in named[0] or "does not look like the other photos" in named[0]


def test_certify_judges_the_new_version_with_photos_that_the_erasure_never_saw(
    erasure: Erasure, folders: Folders, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    ended = lethe(
        "certify", OWN_MODEL, erasure.new, "--subject", folders.held_out,
        "--benchmark", folders.benchmark, "--report", report,
    )  # fmt: skip
    found = json.loads(report.read_bytes())
    assert ended.status == (0 if found["verdict"] == "passed" else 3)
    assert f"verdict  {found['verdict']}" in ended.out
    figures = {rule["figure"]: rule["estimate"] for rule in found["rules"]}
    assert figures["forgotten_tmr@1e-3"] < 0.4  # 28 comparisons; twelve photos of a small network
    assert abs(figures["benchmark_tmr_drop@1e-3"]) < 0.1


def tensors(model: onnx.ModelProto) -> dict[str, bytes]:
    return {
        tensor.name: numpy_helper.to_array(tensor).tobytes() for tensor in model.graph.initializer
    }


def test_an_erasure_that_ended_leaves_activations_in_the_cache_and_no_checkpoint(
    erasure: Erasure, cache: Path
) -> None:
    assert erasure.ended.status == 0
    assert len(list((cache / "activations").iterdir())) == 1
    assert list((cache / "checkpoints").iterdir()) == []


def test_a_cache_folder_that_cannot_be_made_is_refused_before_anything_is_done(
    folders: Folders, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    cache, out = tmp_path / "file" / "cache", tmp_path / "new.onnx"
    line = lethe(
        "erase", OWN_MODEL, "--subject", folders.subject, "--reference", folders.reference,
        "--out", out, "--cache", cache,
    ).refusal()  # fmt: skip
    assert line == f"{cache}: cannot be made (Not a directory); give another folder with --cache"
    assert not out.exists()
