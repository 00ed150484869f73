"""What would make minutes of work be in vain is refused before they begin."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.command import OWN_MODEL, Ended, lethe, lethe_process
from tests.cli.conftest import Folders

Erase = Callable[..., Ended]


def test_a_new_version_for_a_folder_that_is_not_there_is_refused(
    erase: Erase, tmp_path: Path
) -> None:
    out = tmp_path / "absent" / "new.onnx"
    assert erase(out=out).refusal() == f"{out}: its folder is not there; make it first"


def test_a_new_version_named_like_a_folder_is_refused(erase: Erase, tmp_path: Path) -> None:
    assert erase(out=tmp_path).refusal().startswith(f"{tmp_path}: is a folder; give")


@pytest.mark.parametrize("option", ["--out", "--report"])
@pytest.mark.parametrize("link", [False, True])
def test_the_model_is_never_written_over(
    option: str, link: bool, erase: Erase, tmp_path: Path
) -> None:
    model = Path(shutil.copy(OWN_MODEL, tmp_path / "model.onnx"))
    target = model
    if link:
        target = tmp_path / "link.onnx"
        target.symlink_to(model)
    if option == "--out":
        ended = erase(model=model, out=target)
    else:
        ended = erase("--report", target, model=model)
    assert ended.refusal().startswith(f"{target}: is read, too; give the")
    assert model.read_bytes() == OWN_MODEL.read_bytes()


def test_a_report_is_never_written_over_the_new_version(erase: Erase, tmp_path: Path) -> None:
    out = tmp_path / "new.onnx"
    assert "give them two names" in erase("--report", out, out=out).refusal()


def test_a_report_for_a_folder_that_is_not_there_is_refused(erase: Erase, tmp_path: Path) -> None:
    report = tmp_path / "absent" / "report.json"
    line = erase("--report", report).refusal()
    assert line == f"{report}: its folder is not there; make it first"


def test_reference_faces_that_are_not_there_are_refused(erase: Erase, tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    line = erase(reference=absent).refusal()
    assert line.startswith(f"{absent}: not a folder; give")


def test_too_few_reference_faces_are_refused_with_how_many_are_needed(
    erase: Erase, folders: Folders, tmp_path: Path
) -> None:
    few = tmp_path / "few"
    for person in sorted(folders.reference.iterdir())[:2]:
        shutil.copytree(person, few / person.name)
    line = erase(reference=few).refusal()
    assert "few: 36 non-mated" in line
    assert "3,000" in line
    assert "add people or photos" in line


def test_a_broken_reference_face_is_named(erase: Erase, folders: Folders, tmp_path: Path) -> None:
    copy = tmp_path / "reference"
    shutil.copytree(folders.reference, copy)
    bad = copy / "s100003" / "004.jpg"
    bad.write_bytes(b"not a picture")
    assert erase(reference=copy).refusal().startswith(f"{bad}: not a picture that can be read")


def test_an_unknown_method_is_refused_with_the_known_ones(erase: Erase) -> None:
    line = erase("--method", "prayer").refusal()
    assert line.startswith("method 'prayer': ")
    assert re.search(r"choose .*dispersion", line)


def test_certify_refuses_a_folder_of_held_out_photos_that_is_empty(
    folders: Folders, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    ended = lethe(
        "certify", OWN_MODEL, OWN_MODEL, "--subject", empty,
        "--benchmark", folders.benchmark, "--report", tmp_path / "report.json",
    )  # fmt: skip
    assert ended.refusal().startswith(f"{empty}: holds no JPEG, PNG or WebP photos; give")


COMMANDS: dict[str, list[str]] = {
    "models list": ["models", "list"],
    "models add": ["models", "add", "door", str(OWN_MODEL)],
    "models pull": ["models", "pull", "door", "--out", "."],
    "faces add": ["faces", "add", "reference", "."],
    "tickets list": ["tickets", "list"],
    "ledger verify": ["ledger", "verify"],
    "ledger rebuild": ["ledger", "rebuild"],
    "users add": ["users", "add", "ada", "--role", "admin"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_without_a_running_installation_a_command_says_how_to_start_one(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LETHE_DATA", str(tmp_path))
    monkeypatch.delenv("LETHE_S3_ENDPOINT", raising=False)
    line = lethe(*COMMANDS[name]).refusal()
    assert line.startswith(f"no installation runs from {tmp_path}: ")
    assert "start one with `lethe up`" in line


def test_half_an_environment_is_refused_by_the_names_of_all_that_is_missing(
    tmp_path: Path,
) -> None:
    env = {"LETHE_S3_ENDPOINT": "localhost:9000", "HOME": str(tmp_path), "PATH": ""}
    line = lethe_process("models", "list", env=env).refusal()
    for variable in ("LETHE_S3_ENDPOINT", "LETHE_S3_ACCESS_KEY", "LETHE_S3_SECRET_KEY"):
        assert variable in line
