"""compose.yaml as a document, its anchors resolved and its variables left as they stand."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.docker.dockerfile import ROOT

COMPOSE = ROOT / "docker" / "compose.yaml"


@pytest.fixture(scope="session")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load(COMPOSE.read_text()))
