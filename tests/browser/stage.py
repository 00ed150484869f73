"""The whole stack for a browser: servers, web, both workers, people who may sign in."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.load.house import House, opened
from storage.accounts.users import Role
from storage.models.registry import MODEL_FILE, Model
from storage.queue import CPU, GPU
from storage.settings import settings
from storage.tickets.photos import Photo
from storage.tickets.request import LegalGround, Request, default_deadline
from tests.workers import cast
from tests.workers.cast import RECOGNISER

MODEL, BROKEN = "door-cameras", "side-door"
PASSWORD = "correct horse battery"
PEOPLE = {"ada": Role.REQUESTER, "grace": Role.APPROVER, "otto": Role.AUDITOR, "root": Role.ADMIN}
POLICY = Path(__file__).parents[1] / "workers" / "loose.toml"


@dataclass(frozen=True)
class Stage:
    house: House = field(repr=False)
    url: str
    photos: Path  # a folder of JPEG files for each of two subjects
    cast: cast.Cast = field(repr=False)

    def files(self, subject: int = 0) -> list[Path]:
        folder = sorted(path for path in self.photos.iterdir() if path.is_dir())[subject]
        return sorted(folder.iterdir())


@contextmanager
def set_up(folder: Path) -> Iterator[Stage]:
    """A model to forget from, and one whose file is broken; workers with a short run."""
    before = dict(os.environ)
    people = cast.draw(folder)
    try:
        with opened(policy=str(POLICY), task_attempts="1") as house:
            house.record.faces.add("reference", people.reference)
            house.record.faces.add("benchmark", people.benchmark)
            _add_model(house, MODEL, RECOGNISER)
            broken = folder / "broken.onnx"
            broken.write_bytes(b"no network at all")
            _add_model(house, BROKEN, broken)
            for name, role in PEOPLE.items():
                house.record.users.add(name, role, PASSWORD)
            for queue in (CPU, GPU):
                house.start_worker(queue, "tests.workers.loose_worker")
            web = house.start_web()
            _restore(before)  # what was started keeps the house's; other tests have their own
            yield Stage(house, web.url, folder / "subjects", people)
    finally:
        _restore(before)


def submit(stage: Stage, subject: str, photos: Sequence[Photo], model: str = MODEL) -> str:
    """By the desk, as the form does; returns the ticket's id."""
    ground = LegalGround.CONSENT_WITHDRAWN
    asked = Request(model, subject, ground, default_deadline(None), len(photos))
    return stage.house.desk.submit(asked, photos, "ada").id


def _add_model(house: House, name: str, file: Path) -> None:
    models = house.record.models
    models.create(Model(name, "reference", "benchmark"))
    with house.record.leases.hold("model", name) as lease:
        assert lease is not None
        version = models.publish(name, {MODEL_FILE: file}, {}, parent=None, lease=lease)
        models.point(name, "current", version, "root", lease)


def _restore(environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    settings.cache_clear()
