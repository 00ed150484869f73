"""Each values file under ci/ is rendered once; tests that ask for ``release`` see all of them."""

from __future__ import annotations

import pytest

from tests.charts.release import NAMES, Release, rendered


@pytest.fixture(scope="session", params=NAMES)
def release(request: pytest.FixtureRequest) -> Release:
    return rendered(request.param)
