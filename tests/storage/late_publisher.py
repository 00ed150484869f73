"""A process of its own that publishes a version, or moves an alias, and stops right before it.

Arguments: settings as JSON, what to do, the file's name, a part of the name of the object before
whose writing it stops. Prints what came of it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from storage.leases import LeaseLost
from storage.models.registry import MODEL_FILE
from storage.record import Record
from storage.settings import Settings
from storage.store.connections import Connections

MODEL = "door-cameras"


def stop_before(part: str) -> None:
    real = Connections.urlopen

    def urlopen(self: Connections, method: str, url: str, **given: object) -> object:
        if method == "PUT" and part in url:
            os.kill(os.getpid(), signal.SIGSTOP)  # whoever started us lets us go on
        return real(self, method, url, **given)

    Connections.urlopen = urlopen


def main(given: str, what: str, file: str, part: str) -> None:
    record = Record.open(Settings(**json.loads(given)))
    stop_before(part)
    with record.leases.hold("model", MODEL) as lease:
        assert lease is not None
        models = record.models
        parent = models.find(MODEL)
        try:
            if what == "publish":
                files = {MODEL_FILE: Path(file)}
                models.publish(MODEL, files, {"by": "late"}, parent=parent, lease=lease)
            else:
                models.promote(MODEL, 1, "late", lease)
        except LeaseLost as error:
            print("LeaseLost", error)
        else:
            print("written")


if __name__ == "__main__":
    main(*sys.argv[1:])
