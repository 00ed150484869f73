"""A file that is no face recogniser is refused by every command that takes one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from tests.cli.command import OWN_MODEL, Ended, lethe
from tests.cli.conftest import Folders
from tests.recognizer.graphs import NODE, make, plain_nodes, save

Erase = Callable[..., Ended]


def detector() -> onnx.ModelProto:
    """Nine outputs, as InsightFace's detection models have."""
    heads = [NODE("Identity", ["embedding"], [f"head{index}"]) for index in range(8)]
    outputs = ["embedding", *(f"head{index}" for index in range(8))]
    return make([*plain_nodes(), *heads], outputs=outputs)


def odd_operator() -> onnx.ModelProto:
    nodes = plain_nodes()
    nodes[1] = NODE("TopK", ["maps"], ["pooled"], name="neck/pick")
    return make(nodes)


def write_text(path: Path) -> Path:
    path.write_text("the model will follow by mail\n")
    return path


def write_half(path: Path) -> Path:
    path.write_bytes(OWN_MODEL.read_bytes()[:500_000])
    return path


MODELS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "detector": (lambda path: save(detector(), path), "is not a face recogniser: it has 9 outputs"),
    "text": (write_text, "is not an ONNX file"),
    "half": (write_half, "is not an ONNX file, or it is truncated"),
    "odd operator": (
        lambda path: save(odd_operator(), path), "operator 'TopK' at node 'neck/pick'"),
    "absent": (lambda path: path, "no such file; give the model"),
}  # fmt: skip


@pytest.mark.parametrize("kind", MODELS)
def test_what_is_no_recogniser_is_refused_before_any_work(
    kind: str, erase: Erase, tmp_path: Path
) -> None:
    build, reason = MODELS[kind]
    model = build(tmp_path / "given.onnx")
    line = erase(model=model).refusal()
    assert line.startswith(f"{model}: ")
    assert reason in line
    assert not (tmp_path / "new.onnx").exists()


def test_certify_names_the_one_of_two_files_that_is_no_recogniser(
    folders: Folders, tmp_path: Path
) -> None:
    model = write_text(tmp_path / "new.onnx")
    line = certify(folders, OWN_MODEL, model, tmp_path / "report.json").refusal()
    assert line.startswith(f"{model}: is not an ONNX file")
    assert not (tmp_path / "report.json").exists()


def test_certify_refuses_versions_with_embeddings_of_different_sizes(
    folders: Folders, tmp_path: Path
) -> None:
    other = save(make(), tmp_path / "other.onnx")
    line = certify(folders, OWN_MODEL, other, tmp_path / "report.json").refusal()
    assert line.startswith(f"{other}: ")
    assert "32 dimensions" in line
    assert "128 dimensions" in line
    assert "give two versions of one model" in line
    assert not (tmp_path / "report.json").exists()


def test_certify_refuses_the_model_that_nothing_was_done_to_and_says_why_in_its_report(
    folders: Folders, tmp_path: Path
) -> None:
    copy = Path(shutil.copy(OWN_MODEL, tmp_path / "copy.onnx"))
    report = tmp_path / "report.json"
    ended = certify(folders, OWN_MODEL, copy, report)
    assert ended.status == 3, ended
    assert not ended.err
    assert "verdict  refused" in ended.out
    assert b'"verdict":"refused"' in report.read_bytes()


@pytest.mark.parametrize("which", ["old", "new"])
def test_certify_never_writes_its_report_over_a_model(
    which: str, folders: Folders, tmp_path: Path
) -> None:
    files = {name: tmp_path / f"{name}.onnx" for name in ("old", "new")}
    for file in files.values():
        shutil.copy(OWN_MODEL, file)
    line = certify(folders, files["old"], files["new"], files[which]).refusal()
    assert line.startswith(f"{files[which]}: is read, too; give the")
    assert files[which].read_bytes() == OWN_MODEL.read_bytes()


def certify(folders: Folders, old: Path, new: Path, report: Path) -> Ended:
    return lethe(
        "certify", old, new, "--subject", folders.held_out,
        "--benchmark", folders.benchmark, "--report", report,
    )  # fmt: skip
