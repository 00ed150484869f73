"""A worker whose clock steps while it works. ``python -m``, with the clock's folder and a ticket.

Prints a line of JSON for each thing that it did: what, and the error that stopped it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.errors import LetheError
from storage.settings import settings
from tests.faults.clock import HOUR, Clock
from tests.faults.quick import MODEL, quickly, unlearner
from workers.erase import erase
from workers.prepare import prepare


def work(clock: Clock, ticket: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        quickly(patch, settings().policy)
        _do("prepare", lambda: prepare(ticket))
        unlearner().during = lambda: clock.step(-2 * HOUR)
        _do("erase, back by hours in it", lambda: erase(MODEL))
        unlearner().during = lambda: None
        clock.step(2 * HOUR)
        _do("erase, ahead by hours", lambda: erase(MODEL))
        clock.step(-600)  # as much as stores let pass
        _do("erase, back by minutes", lambda: erase(MODEL))


def _do(what: str, task: Callable[[], None]) -> None:
    error = ""
    try:
        task()
    except LetheError as raised:
        error = str(raised)
    print(json.dumps({"what": what, "error": error}))


if __name__ == "__main__":
    work(Clock(Path(sys.argv[1])), sys.argv[2])
