"""What the pages tell people to type is typed, beside real servers."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np
import pytest
from werkzeug.serving import make_server

import storage.settings
from storage.accounts.api_tokens import Scope
from storage.accounts.users import Role
from storage.record import Record
from storage.settings import Settings
from storage.tickets.states import State
from tests.cli.command import lethe
from tests.docs.command_line import find, without_brackets
from tests.docs.house import ADMIN, MODEL, Filled, House
from tests.docs.pages import PAGES, ROOT, blocks
from tests.docs.shown import commands, words
from tests.storage.pictures import encoded, picture
from web.app import create_app

Path_ = tuple[str, ...]
Prepare = Callable[[House], Filled]
FAILED = (State.APPROVED, State.PREPARING, State.FAILED)
NEEDS_PHOTOS = (State.APPROVED, State.PREPARING, State.NEEDS_PHOTOS)
RUN: dict[Path_, Prepare] = {
    ("users", "add"): House.nobody,
    ("users", "list"): House.user,
    ("users", "link"): House.user,
    ("users", "role"): House.user,
    ("users", "disable"): House.user,
    ("users", "reset-second-factor"): House.guarded,
    ("users", "end-sessions"): House.user,
    ("tokens", "issue"): House.user,
    ("tokens", "list"): House.token,
    ("tokens", "revoke"): House.token,
    ("faces", "add"): House.files,
    ("models", "add"): House.file,
    ("models", "list"): House.model,
    ("models", "pull"): House.model,
    ("models", "policy"): House.model,
    ("models", "promote"): House.model,
    ("models", "rollback"): House.model,
    ("models", "delete"): House.model,
    ("tickets", "list"): lambda house: house.ticket()(),
    ("tickets", "show"): lambda house: house.ticket()(),
    ("tickets", "approve"): lambda house: house.ticket()(),
    ("tickets", "cancel"): lambda house: house.ticket()(),
    ("tickets", "extend"): lambda house: house.ticket()(),
    ("tickets", "retry"): lambda house: house.ticket(*FAILED)(),
    ("tickets", "archive"): lambda house: house.ticket(State.DENIED)(),
    ("tickets", "add-photos"): lambda house: house.ticket(*NEEDS_PHOTOS)(),
    ("ledger", "verify"): House.model,
    ("ledger", "rebuild"): House.model,
    ("certificate", "schema"): House.empty,
    ("certificate", "keys"): House.empty,
}
# They take long, or need what another test has at hand; that one runs them.
RUN_ELSEWHERE: dict[Path_, str] = {
    ("up",): "tests/stack/life.py",
    ("demo",): "tests/test_demo.py",
    ("erase",): "tests/cli/test_erase.py",
    ("certify",): "tests/cli/test_certify.py",
    ("certificate", "verify"): "tests/cli/test_certificate.py",
}
# python blocks of pages that another test runs whole
SNIPPETS = {
    "certificate.md": "tests/cli/test_certificate.py",
    "operators.md": "tests/workers/test_webhooks.py",
}


def spelled_out() -> dict[Path_, list[str]]:
    """Command → its documented forms that say all that has to be said."""
    found: dict[Path_, list[str]] = {}
    for shown in commands():
        text = without_brackets(shown.text)
        if shown.program == "lethe" and not isinstance(find(words(text)[1:])[0], click.Group):
            forms = found.setdefault(tuple(find(words(text)[1:])[1]), [])
            forms += [] if text in forms else [text]
    return found


SPELLED_OUT = spelled_out()


def complete(text: str) -> bool:
    command, named, rest = find(words(text)[1:])
    try:
        command.make_context(" ".join(named), list(rest))
    except click.MissingParameter:
        return False  # a mention
    except click.ClickException:
        return True  # a placeholder that is no number, no day
    return True


@pytest.fixture
def house(
    record: Record, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[House]:
    """The commands find this test's servers as an operator's own."""
    for name in ("redis_url", "s3_endpoint", "s3_access_key", "s3_bucket"):
        monkeypatch.setenv(f"LETHE_{name.upper()}", getattr(settings, name))
    monkeypatch.setenv("LETHE_S3_SECRET_KEY", settings.s3_secret_key.get_secret_value())
    monkeypatch.setenv("LETHE_SECRET_KEY", settings.secret_key.get_secret_value())  # type: ignore[union-attr]
    monkeypatch.setenv("LETHE_NEW_PASSWORD", "correct horse battery")
    monkeypatch.chdir(tmp_path)
    storage.settings.settings.cache_clear()
    yield House(record, tmp_path)
    storage.settings.settings.cache_clear()


@pytest.mark.parametrize("path", RUN, ids=" ".join)
def test_each_documented_form_of_a_command_does_its_work(
    path: Path_, house: House, settings: Settings
) -> None:
    for number, text in enumerate(filter(complete, SPELLED_OUT[path])):
        if number:  # what the form before did is in nobody's way
            house.record.redis.flushall()
            house = House(Record.open(_elsewhere(settings, number)), house.folder / str(number))
            house.folder.mkdir()
        filled = RUN[path](house)
        given = [filled.get(word, word) for word in words(text)[1:]]
        done = lethe(*given)
        assert done.status == 0, (text, done)


def _elsewhere(settings: Settings, number: int) -> Settings:
    """A bucket of its own, which the commands find as well."""
    bucket = f"{settings.s3_bucket}-{number}"
    os.environ["LETHE_S3_BUCKET"] = bucket
    storage.settings.settings.cache_clear()
    return settings.model_copy(update={"s3_bucket": bucket})


def test_every_documented_command_is_run_here_or_by_the_test_that_is_named() -> None:
    assert set(SPELLED_OUT) <= RUN.keys() | RUN_ELSEWHERE.keys()
    for path, file in RUN_ELSEWHERE.items():
        text = (ROOT / file).read_text()
        assert all(f'"{word}"' in text for word in path), (path, file)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_lines_for_curl_reach_the_api_and_submit_a_ticket(
    house: House, settings: Settings, tmp_path: Path
) -> None:
    house.record.users.add(ADMIN, Role.ADMIN, None)
    house.model(1)
    scopes = {Scope.READ, Scope.SUBMIT}
    _, secret = house.record.api_tokens.issue(ADMIN, "a page", scopes, 1, ADMIN)
    (tmp_path / "uuidgen").write_text("#!/bin/sh\necho 6f0d1c9e-of-a-test\n")
    (tmp_path / "uuidgen").chmod(0o755)
    for number in (1, 2, 3):
        (tmp_path / f"{number}.jpg").write_bytes(encoded(picture(number, 64, 64), "JPEG"))
    lines = [
        block.text for block in blocks(ROOT / "docs" / "api.md") if "LETHE_TOKEN" in block.text
    ]
    server = make_server("127.0.0.1", 0, create_app(settings), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        script = "\n".join(lines).replace(
            "https://lethe.example.org", f"http://127.0.0.1:{server.port}"
        )
        script = script.replace("lethe_…", secret).replace("curl ", "curl -sS --fail-with-body ")
        search = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        ran = shell(script, tmp_path, search)
    finally:
        server.shutdown()
        server.server_close()
    assert ran.returncode == 0, ran
    assert f'"name":"{ADMIN}"' in ran.stdout.replace(" ", "")
    (ticket,) = house.record.tickets.recent()
    assert (ticket.model, ticket.subject, ticket.state) == (MODEL, "DSR-2026-0142", State.SUBMITTED)


def shell(
    script: str, folder: Path, more: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **(more or {})}
    return subprocess.run(
        ["/bin/sh", "-e", "-c", script],
        cwd=folder, capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_the_lines_for_keys_and_sums_do_what_they_are_shown_for(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    (tmp_path / "SHA256SUMS").write_text(f"{digest}  model.onnx\n")
    shown = {one.text for one in commands() if one.program in {"openssl", "sha256sum"}}
    lines = sorted(line for line in shown if "pkeyutl" not in line)  # certificate.md's, run there
    assert {words(line)[1] for line in lines} >= {"genpkey", "pkey", "-c"}
    for line in lines:
        ran = shell(line, tmp_path)
        assert ran.returncode == 0, (line, ran)
    assert "BEGIN PUBLIC KEY" in (tmp_path / "key.pub").read_text()


def test_every_python_block_is_run() -> None:
    for page in PAGES:
        for block in blocks(page):
            if block.kind == "python":
                compile(block.text, str(block), "exec")
                file = SNIPPETS.get(page.name)
                assert page.name == "integrators.md" or (
                    file and page.name in (ROOT / file).read_text()
                )


def test_the_check_for_integrators_counts_what_matches(tmp_path: Path) -> None:
    (check,) = (b for b in blocks(ROOT / "docs" / "integrators.md") if b.kind == "python")
    axes = np.eye(6)
    np.save(tmp_path / "subject-old.npy", 3 * axes[:2])  # of any length
    np.save(tmp_path / "subject-new.npy", np.stack([axes[0] + axes[2], axes[3], axes[4], axes[4]]))
    np.save(tmp_path / "gallery.npy", axes[4:])
    (tmp_path / "check.py").write_text(check.text)
    ran = subprocess.run(
        [sys.executable, "check.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    counted = [line.rpartition(": ")[2] for line in ran.stdout.splitlines()]
    assert list(map(float, counted)) == [1, 1 / 8, 0.5]
