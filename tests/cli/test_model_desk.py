"""`lethe models promote | rollback | policy | delete | list`, as somebody at a terminal sees it."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.record import Record
from tests.cli.command import lethe
from tests.storage.conftest import MODEL
from tests.storage.published import published


@pytest.fixture(autouse=True)
def line(record: Record, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Record:
    """A model with three versions. Which stack it talks to is another test's matter."""
    monkeypatch.setattr("lethe.commands.models.connect", lambda: record)
    published(record, tmp_path, 3)
    return record


def test_promote_and_rollback_say_what_is_current_and_record_who_did_it(line: Record) -> None:
    assert lethe("models", "rollback", MODEL).out == (
        f"{MODEL}@2 is current; whom later versions forgot is recognised again\n"
    )
    assert lethe("models", "promote", MODEL, "3").out == f"{MODEL}@3 is current\n"
    newest, before, *_ = line.models.moves(MODEL)
    assert (newest.version, newest.reason) == (3, "promoted")
    assert (before.version, before.reason) == (2, "rolled back")
    assert newest.actor == before.actor != ""


def test_a_model_that_a_run_works_on_is_busy(line: Record) -> None:
    with line.leases.hold("model", MODEL):
        for command in (("promote", MODEL, "1"), ("rollback", MODEL)):
            ended = lethe("models", *command)
            assert ended.status == 1
            assert ended.err == (
                f"lethe: model {MODEL}: an erasure runs on it; try again when it is done\n"
            )
    assert line.models.aliases(MODEL) == {"current": 3}


def test_the_policy_of_a_model_is_shown_and_changed() -> None:
    shown = f"{MODEL}: approval is by-hand; versions become current\n"
    assert lethe("models", "policy", MODEL).out == shown
    changed = f"{MODEL}: approval is automatic; versions become candidate\n"
    options = ("--approval", "automatic", "--publish-as", "candidate")
    assert lethe("models", "policy", MODEL, *options).out == changed
    assert lethe("models", "policy", MODEL).out == changed
    assert lethe("models", "policy", MODEL, "--approval", "maybe").status == 2
    assert "there is none" in lethe("models", "policy", "gate").refusal()


def test_a_version_is_deleted_with_a_reason_and_listed_as_deleted(tmp_path: Path) -> None:
    assert lethe("models", "delete", MODEL, "1").status == 2
    done = lethe("models", "delete", MODEL, "1", "--reason", "too old")
    assert (done.status, done.out) == (0, f"{MODEL}@1 is deleted; its manifest stays\n")
    rows = [line.split() for line in lethe("models", "list").out.splitlines()]
    assert [row[2] for row in rows[1:4:2]] == ["deleted", "current"]
    for command in (
        ("pull", f"{MODEL}@1", "--out", tmp_path / "out"),
        ("promote", MODEL, "1"),
        ("delete", MODEL, "1", "--reason", "again"),
    ):
        assert lethe("models", *command).refusal().endswith(": too old")
    refused = lethe("models", "delete", MODEL, "3", "--reason", "too new").refusal()
    assert refused == f"model {MODEL}: version 3 is current; not deleted"
