"""One running stack that the tests of a session share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stack.life import Up


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    stack = Up.start(tmp_path_factory.mktemp("shared") / "data")
    yield stack
    stack.kill()
