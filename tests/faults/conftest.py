"""A record that sees the store through a faulty network, and one that sees what really is there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from storage.queue import Queue
from storage.record import Record
from storage.settings import Settings
from storage.tickets.desk import Desk
from tests.conftest import Servers
from tests.faults.proxy import Proxy
from tests.storage.conftest import publish, signer, submit

__all__ = ["publish", "signer", "submit"]  # fixtures: written by the record that is no victim


@pytest.fixture
def proxy(servers: Servers) -> Iterator[Proxy]:
    proxy = Proxy(servers.s3_endpoint)
    yield proxy
    proxy.stop()


@pytest.fixture
def faulty(record: Record, settings: Settings, proxy: Proxy) -> Record:
    """The same bucket and Redis as ``record``; the store answers through the proxy."""
    assert record.settings is settings  # the bucket is there
    return Record.open(settings.model_copy(update={"s3_endpoint": proxy.url, "s3_timeout": 1.0}))


@pytest.fixture
def faulty_desk(faulty: Record, settings: Settings) -> Desk:
    return Desk(faulty, Queue(settings))
