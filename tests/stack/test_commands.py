"""Commands in another process find the running stack by its folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from lethe.demo.people import UNSEEN, write_people
from storage.canonical import file_sha256
from tests.cli.command import OWN_MODEL
from tests.stack.life import Up
from tests.storage.pictures import png_bomb

PASSWORD = "a long enough password"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("people")
    write_people(root, range(UNSEEN.start, UNSEEN.start + 3), 4)
    return root


def test_a_model_is_added_listed_and_pulled_as_it_was(up: Up, tmp_path: Path) -> None:
    added = up.command("models", "add", "door-cameras", OWN_MODEL)
    assert (added.status, added.out) == (0, "door-cameras@1 is current\n"), added
    listed = up.command("models", "list")
    assert listed.status == 0
    row = next(line for line in listed.out.splitlines() if "door-cameras" in line)
    assert row.split()[:4] == ["door-cameras", "1", "current", "import"]
    pulled = up.command("models", "pull", "door-cameras", "--out", tmp_path)
    assert pulled.status == 0, pulled
    assert file_sha256(tmp_path / "model.onnx") == file_sha256(OWN_MODEL)


def test_a_model_that_is_there_already_or_is_none_is_refused(up: Up, tmp_path: Path) -> None:
    assert up.command("models", "add", "twice", OWN_MODEL).status == 0
    assert "twice" in up.command("models", "add", "twice", OWN_MODEL).refusal()
    text = tmp_path / "text.onnx"
    text.write_text("no model")
    line = up.command("models", "add", "text", text).refusal()
    assert line.startswith(f"{text}: is not an ONNX file")
    assert "text" not in up.command("models", "list").out


def test_faces_are_added_and_a_bomb_among_them_keeps_all_out(up: Up, people: Path) -> None:
    added = up.command("faces", "add", "reference", people)
    assert added.status == 0, added
    assert added.out.startswith("reference: 3 people, 12 faces, ")
    bomb = people / f"s{UNSEEN.start:06d}" / "bomb.png"
    bomb.write_bytes(png_bomb())
    try:
        line = up.command("faces", "add", "bombed", people).refusal()
    finally:
        bomb.unlink()
    assert line.startswith(f"{bomb}: ")
    assert not (up.folder / "s3" / "lethe" / "facesets" / "bombed").exists()


def test_an_account_made_by_command_signs_in_with_its_password(up: Up) -> None:
    added = up.command("users", "add", "ada", "--role", "auditor", LETHE_NEW_PASSWORD=PASSWORD)
    assert (added.status, added.out) == (0, "ada can sign in as auditor\n"), added
    again = up.command("users", "add", "ada", "--role", "admin", LETHE_NEW_PASSWORD=PASSWORD)
    assert again.refusal().startswith("user ada: exists already")
    session = requests.Session()
    page = session.get(f"{up.url}/sign-in", timeout=10).text
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    form = {"name": "ada", "password": PASSWORD, "csrf_token": token}
    answer = session.post(f"{up.url}/sign-in", data=form, timeout=10)
    assert answer.status_code == 200
    assert "ada" in answer.text
    assert "auditor" in answer.text


def test_the_ledger_is_verified_and_rebuilt(up: Up) -> None:
    for command in ("verify", "rebuild"):
        ended = up.command("ledger", command)
        assert ended.status == 0, ended
        assert "every link holds" in ended.out


def test_photos_for_a_model_that_is_not_there_are_refused(up: Up, people: Path) -> None:
    folder = people / f"s{UNSEEN.start:06d}"
    given = ("--model", "nowhere", "--photos", folder, "--subject", "DSR-1")
    assert "nowhere" in up.command("tickets", "submit", *given).refusal()
    assert up.command("tickets", "list").out == "no tickets\n"
