"""What keeps `lethe up` from starting is said in one line, and nothing is left running."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lethe.stack.process import free_port
from tests.cli.command import Ended, lethe, lethe_process
from tests.conftest import ACCESS_KEY, Servers
from tests.stack.life import Up, environment, left_of


def start(folder: Path, port: int | None = None, **env: str) -> Ended:
    """`lethe up` that must not come up."""
    number = str(port or free_port())
    return lethe_process("up", "--data", folder, "--port", number, env=environment(**env))


def test_a_port_in_use_is_refused_with_the_option_that_helps(up: Up, tmp_path: Path) -> None:
    line = start(tmp_path / "data", up.port).refusal()
    assert line.startswith(f"port {up.port} cannot be used (Address already in use)")
    assert "--port" in line
    assert left_of(tmp_path) == []


def test_a_second_stack_on_the_same_folder_is_refused(up: Up) -> None:
    line = start(up.folder).refusal()
    assert line.startswith(f"{up.folder}: another `lethe up` or `lethe demo` runs from this")
    assert "--data" in line
    assert up.command("models", "list").status == 0  # the first one goes on


def test_a_wrong_key_for_the_object_store_is_refused_by_the_variables_name(
    servers: Servers, tmp_path: Path
) -> None:
    line = start(tmp_path / "data", LETHE_S3_ENDPOINT=servers.s3_endpoint).refusal()
    assert servers.s3_endpoint in line
    assert "check LETHE_S3_ACCESS_KEY and LETHE_S3_SECRET_KEY" in line
    assert left_of(tmp_path) == []


def test_a_wrong_secret_for_a_known_key_is_refused_alike(servers: Servers, tmp_path: Path) -> None:
    line = start(
        tmp_path / "data",
        LETHE_S3_ENDPOINT=servers.s3_endpoint,
        LETHE_S3_ACCESS_KEY=ACCESS_KEY,
        LETHE_S3_SECRET_KEY="0" * 32,
    ).refusal()
    assert "LETHE_S3_SECRET_KEY" in line
    assert "0" * 32 not in line
    assert left_of(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for folder in (file, file / "data", Path("/sys/lethe")):
        line = lethe("up", "--data", folder).refusal()  # refused before anything is started
        assert line.startswith(f"{folder}: ")
        assert "choose a folder with --data" in line


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere, whatever the mode")
def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    assert (
        lethe("up", "--data", closed)
        .refusal()
        .startswith(f"{closed}: Permission denied; choose a folder")
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["/bin/mount", "-t", "tmpfs", "-o", "size=8m", "lethe-tests", str(disk)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system can only be mounted by root, with the right to mount")
    try:
        yield disk
    finally:
        subprocess.run(["/bin/umount", str(disk)], check=True)


def test_a_disk_that_is_nearly_full_is_refused_with_what_is_needed(small_disk: Path) -> None:
    line = lethe("up", "--data", small_disk).refusal()
    assert line.startswith(f"{small_disk}: ")
    assert "MiB of disk left, at least 500 are needed" in line
    assert "--data" in line


def test_a_disk_without_a_byte_left_is_refused_and_leaves_no_half_a_secret(
    small_disk: Path,
) -> None:
    fill(small_disk / "filler")
    line = lethe("up", "--data", small_disk).refusal()
    assert line.startswith(f"{small_disk}: No space left on device; ")
    assert "--data" in line
    assert not (small_disk / "secrets.json").exists()
    assert not list(small_disk.glob("keys/*.pem"))


def fill(file: Path) -> None:
    with file.open("wb", buffering=0) as filler, suppress(OSError):
        while filler.write(bytes(4096)):
            pass


def test_what_a_killed_stack_left_behind_does_not_lead_commands_astray(
    tmp_path: Path,
) -> None:
    (tmp_path / "lock").touch()
    (tmp_path / "running.json").write_text('{"LETHE_S3_ENDPOINT": "http://127.0.0.1:9"}')
    line = lethe_process("models", "list", env=environment(LETHE_DATA=tmp_path)).refusal()
    assert line.startswith(f"no installation runs from {tmp_path}: start one with `lethe up`")
