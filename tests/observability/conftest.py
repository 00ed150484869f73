"""One Lethe that Prometheus watches, for the tests of a module."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from lethe.stack.process import LOOPBACK, free_port
from lethe.stack.servers import start_redis
from storage.settings import Settings
from tests.conftest import ACCESS_KEY, SECRET_KEY, Servers
from tests.observability.story import story
from tests.observability.watched import Watched, watched

__all__ = ["lethe", "story"]  # fixtures


@pytest.fixture(scope="module")
def lethe(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """With a Redis of its own: its worker is at work beside whatever else is tested."""
    folder = tmp_path_factory.mktemp("watched")
    port, password = free_port(), secrets.token_hex(8)
    redis = start_redis(folder / "redis", folder / "redis.log", port, password)
    settings = Settings(
        redis_url=f"redis://:{password}@{LOOPBACK}:{port}/0",
        s3_endpoint=servers.s3_endpoint,
        s3_access_key=ACCESS_KEY,
        s3_secret_key=SECRET_KEY,
        s3_bucket=f"watched-{secrets.token_hex(6)}",
        secret_key=secrets.token_hex(32),
        cache_dir=folder / "cache",
    )
    try:
        with watched(settings, folder) as found:
            yield found
    finally:
        redis.stop()
