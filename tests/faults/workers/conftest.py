"""Workers that are killed, paused and asked to end: one yard a module, a fresh crew a test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Servers
from tests.faults.crew import Crew, Yard, open_yard


@pytest.fixture(scope="module")
def yard(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    with open_yard(servers, tmp_path_factory.mktemp("yard")) as yard:
        yield yard


@pytest.fixture
def crew(yard: Yard) -> Iterator[Crew]:
    with yard.crew() as crew:
        yield crew
