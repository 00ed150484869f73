"""Real servers for the tests: one Redis and one S3 a session, a fresh record for each test."""

from __future__ import annotations

import logging
import os
import secrets
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog
from flask import Flask
from jinja2 import FileSystemBytecodeCache
from redis import Redis

from lethe.stack.process import free_port
from lethe.stack.servers import start_redis, start_s3
from storage.logs import setup
from storage.logs.foreign import KNOWN
from storage.record import Record
from storage.settings import Settings

# Read when torch is loaded, here and in what the tests start: processes that run side by side get
# in each other's way with more, and a figure must not hang on how many cores there are.
os.environ["OMP_NUM_THREADS"] = "1"

# The files that take longest: they begin first, or one process ends minutes after the others.
LONGEST = (
    "test_real_recogniser.py",
    "test_interruptions.py",
    "test_demo.py",
    "test_browser.py",
    "test_erase.py",
    "test_worker.py",
    "test_killed_process.py",
    "test_checkpoints.py",
    "test_gated.py",
)

ACCESS_KEY, SECRET_KEY, PASSWORD = "lethe-tests", secrets.token_hex(16), secrets.token_hex(16)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


@dataclass(frozen=True)
class Servers:
    redis_url: str
    s3_endpoint: str


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """Commands and workers set the whole process's logs up, fixtures of a module among them."""
    hooks = sys.excepthook, threading.excepthook
    _reset_logs()
    yield
    _reset_logs()
    sys.excepthook, threading.excepthook = hooks


def _reset_logs() -> None:
    structlog.reset_defaults()
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if type(handler).__module__ == setup.__name__:
            root.removeHandler(handler)
    for name in (*setup.OURS, *KNOWN):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture(scope="session", autouse=True)
def templates_compiled_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A fresh application for each test, not a fresh compilation of all its templates."""
    cache = FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": cache}


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("servers")
    redis_port, s3_port = free_port(), free_port()
    redis = start_redis(folder / "redis", folder / "redis.log", redis_port, PASSWORD)
    try:
        s3 = start_s3(folder / "s3", folder / "s3.log", s3_port, ACCESS_KEY, SECRET_KEY)
        try:
            yield Servers(
                f"redis://:{PASSWORD}@127.0.0.1:{redis_port}/0", f"http://127.0.0.1:{s3_port}"
            )
        finally:
            s3.stop()
    finally:
        redis.stop()


@pytest.fixture
def settings(servers: Servers, tmp_path: Path) -> Settings:
    """Settings with a bucket of the test's own and an empty Redis."""
    Redis.from_url(servers.redis_url).flushall()
    return Settings(
        redis_url=servers.redis_url,
        s3_endpoint=servers.s3_endpoint,
        s3_access_key=ACCESS_KEY,
        s3_secret_key=SECRET_KEY,
        s3_bucket=f"test-{secrets.token_hex(6)}",
        secret_key=secrets.token_hex(32),
        signing_key_file=tmp_path / "signing.pem",
        cache_dir=tmp_path / "cache",
        secure_cookies=False,
    )


@pytest.fixture
def record(settings: Settings) -> Record:
    return Record.open(settings)


@pytest.fixture(scope="session")
def shared_faces() -> Path:
    """The real recogniser and faces that lie beside the checkout, never in it."""
    root = Path(os.environ.get("LETHE_FACES", Path(__file__).parents[2] / "shared" / "faces"))
    if not (root / "people").is_dir():
        pytest.skip(f"real faces are not at {root}; set LETHE_FACES to the folder that holds them")
    return root
