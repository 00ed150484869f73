"""`lethe demo` on a fresh folder, as CI runs it: without a terminal, once, for all tests here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from lethe.stack.process import free_port
from storage.canonical import sha256
from tests.cli.command import OWN_MODEL, Ended, lethe_process
from tests.stack.life import Up, environment, left_of

SECONDS = 600  # a quiet machine takes one


@dataclass(frozen=True)
class Demo:
    folder: Path
    ended: Ended
    left: list[str]

    @property
    def out(self) -> Path:
        """Where it puts the new version, the certificate and the report."""
        (ticket,) = (self.folder / "out").iterdir()
        return ticket


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("demo") / "data"
    command = [str(Path(sys.executable).with_name("lethe")), "demo", "--data", str(folder)]
    done = subprocess.run(
        [*command, "--port", str(free_port())],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env=environment(),
        check=False,
    )
    return Demo(folder, Ended(done.returncode, done.stdout, done.stderr), left_of(folder))


def test_it_ends_with_status_0_and_leaves_no_process(demo: Demo) -> None:
    assert demo.ended.status == 0, demo.ended
    assert demo.ended.err == ""
    assert demo.left == []


def test_it_prints_that_the_subject_is_forgotten_and_everybody_else_is_not(demo: Demo) -> None:
    before, after = figures(demo, "forgotten: TMR of the subject's unseen photos")
    assert before > 0.8
    assert after <= 0.10
    before, after = figures(demo, "kept: TMR of the benchmark people")
    assert after > before - 0.05


def test_it_prints_where_everything_lies_and_how_to_sign_in(demo: Demo) -> None:
    text = demo.ended.out
    for what in (
        f"New version  {demo.out}",
        f"Certificate  {demo.out}",
        f"Report       {demo.out}",
    ):
        assert what in text
    assert re.search(r"Admin page   http://127\.0\.0\.1:\d+\n", text)
    assert re.search(r"Sign in      http://127\.0\.0\.1:\d+/sign-in/link/\S+\n", text)


def test_the_certificate_verifies_offline_with_the_printed_command(
    demo: Demo, tmp_path: Path
) -> None:
    found = re.search(r"lethe (certificate verify \S+ --key \S+)", demo.ended.out)
    assert found
    offline = {"PATH": "", "HOME": str(tmp_path)}
    files = ["--old", str(OWN_MODEL), "--new", str(demo.out / "model.onnx")]
    ended = lethe_process(*found.group(1).split(), *files, env=offline)
    assert ended.status == 0, ended
    assert "verdict: passed" in ended.out
    assert ended.out.count("is the certified file") == 2


def test_one_flipped_byte_in_the_certificate_is_refused(demo: Demo, tmp_path: Path) -> None:
    data = bytearray((demo.out / "certificate.json").read_bytes())
    data[len(data) // 2] ^= 1
    flipped = tmp_path / "certificate.json"
    flipped.write_bytes(data)
    key = demo.folder / "keys" / "certificates.pub"
    assert str(flipped) in lethe_process("certificate", "verify", flipped, "--key", key).refusal()


def test_the_subjects_photos_are_gone_from_the_object_store(demo: Demo) -> None:
    store = demo.folder / "s3"
    kept = [Path(root) / name for root, _, names in os.walk(store) for name in names]
    assert [path for path in kept if "photos" in path.relative_to(store).parts] == []
    cast = demo.folder / "cache" / "people" / "subject"
    photos = {sha256(photo.read_bytes()) for photo in cast.rglob("*.jpg")}
    assert len(photos) > 10
    assert [path for path in kept if sha256(path.read_bytes()) in photos] == []
    pictures = [path for path in kept if path.suffix in {".jpg", ".png"}]
    assert {path.relative_to(store).parts[1] for path in pictures} == {"facesets"}


def test_a_later_start_finds_the_ticket_the_versions_and_every_link(demo: Demo) -> None:
    up = Up.start(demo.folder)
    try:
        verified = up.command("ledger", "verify")
        tickets = up.command("tickets", "list")
        models = up.command("models", "list")
    finally:
        up.kill()
    assert "walked 1 tickets, 2 versions, 1 aliases, 1 certificates" in verified.out
    assert "every link holds" in verified.out
    assert "completed" in tickets.out
    current = next(line for line in models.out.splitlines() if "current" in line)
    assert current.split()[:4] == ["demo", "2", "current", "1"]
    assert left_of(demo.folder) == []


def figures(demo: Demo, text: str) -> tuple[float, float]:
    """What is printed before and after in the row that begins with ``text``."""
    row = next(line for line in demo.ended.out.splitlines() if line.startswith(text))
    before, after = row.split()[-2:]
    return float(before), float(after)
