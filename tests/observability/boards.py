"""The committed dashboards, as tests read them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "charts" / "lethe" / "files" / "dashboards"
# What Grafana puts in the place of its variables.
VARIABLES = {"$model": ".+", "$__range": "1h", "$__rate_interval": "30s"}
_SELECTOR = re.compile(r"\blethe_[a-z_]+(?:\{[^}]*\})?")


@dataclass(frozen=True)
class Target:
    board: str
    panel: str
    expr: str


def boards() -> dict[str, dict[str, Any]]:
    """Uid → dashboard."""
    found = [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))]
    return {board["uid"]: board for board in found}


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def targets() -> Iterator[Target]:
    for uid, board in boards().items():
        for panel in panels(board):
            for target in panel["targets"]:
                yield Target(uid, panel["title"], filled(target["expr"]))


def filled(expr: str) -> str:
    for name, value in VARIABLES.items():
        expr = expr.replace(name, value)
    assert "$" not in expr, f"a variable that nobody fills: {expr}"
    return expr


def selectors(expr: str) -> set[str]:
    """Metrics with the labels that are asked for."""
    return set(_SELECTOR.findall(expr))
