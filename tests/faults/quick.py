"""A ticket's whole way in a second: few faces, weights as they were, a policy that all keep."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import pytest

from lethe.demo.people import UNSEEN, write_people
from storage.faces.sets import read_folder
from storage.settings import Settings
from storage.settings import settings as read_settings
from storage.tickets.photos import Photo
from storage.tickets.states import State

with pytest.MonkeyPatch.context() as _patch:
    # The Celery application reads its settings when it is imported; each test gives it others.
    for _name in ("ENDPOINT", "ACCESS_KEY", "SECRET_KEY"):
        _patch.setenv(f"LETHE_S3_{_name}", "http://127.0.0.1:9")
    read_settings.cache_clear()
    import workers.erase
    import workers.publish
    from tests.workers.erased import Replay, use
    from tests.workers.workshop import MODEL, Workshop, opened
    from workers.certification import certify
    from workers.unlearning.loop import Unlearned

    read_settings.cache_clear()

POLICY = """
format = 1
name = "any"
version = 1
text = "Any version passes."

[[rules]]
id = "everybody-else"
text = "Everybody else is recognised, or not"
figure = "benchmark_tmr_drop@1e-3"
comparison = "at_most"
threshold = 1.0
minimum = { people = 1 }
"""
# Seeds of the synthetic people: none that the recogniser was trained on.
SUBJECT, REFERENCE, BENCHMARK = (
    range(UNSEEN.start + 60, UNSEEN.start + 61),
    range(UNSEEN.start + 61, UNSEEN.start + 73),
    range(UNSEEN.start + 73, UNSEEN.start + 85),
)

People = dict[str, list[bytes]]  # person → JPEG files


@dataclass(frozen=True)
class Faces:
    subject: list[Photo]
    reference: People
    benchmark: People


@cache
def faces() -> Faces:
    """Six photos of the subject, and of the others as many as thresholds need."""
    with tempfile.TemporaryDirectory() as folder:
        (subject,) = _people(Path(folder) / "subject", SUBJECT, 6).values()
        photos = [Photo(f"holiday-{number}.jpg", data) for number, data in enumerate(subject)]
        reference = _people(Path(folder) / "reference", REFERENCE, 7)
        return Faces(photos, reference, _people(Path(folder) / "benchmark", BENCHMARK, 7))


def _people(folder: Path, seeds: range, photos: int) -> People:
    write_people(folder, seeds, photos)
    return {
        who: [path.read_bytes() for path in paths] for who, paths in read_folder(folder).items()
    }


@cache
def people(count: int) -> list[list[bytes]]:
    """Six photos each of more subjects."""
    with tempfile.TemporaryDirectory() as folder:
        start = UNSEEN.start + 90
        return list(_people(Path(folder), range(start, start + count), 6).values())


def quickly(patch: pytest.MonkeyPatch, policy: str) -> None:
    """What the tasks of this process unlearn and judge takes no time."""
    use(patch, Replay(given=Unlearned({}, "", 0, 0.0, {})), policy)
    patch.setattr(workers.erase, "certify", partial(certify, attacks=frozenset()))
    patch.setattr(workers.publish, "report_html", lambda *_: b"<p>A report.</p>")


def unlearner() -> Replay:
    """What takes the place of unlearning; its ``during`` is called in mid-run."""
    found = vars(workers.erase)["unlearn"]
    assert isinstance(found, Replay)
    return found


@contextmanager
def quick_workshop(
    settings: Settings, folder: Path, *, with_model: bool = True
) -> Iterator[Workshop]:
    """Tasks of this process, quickly, over real servers."""
    policy = folder / "any.toml"
    policy.write_text(POLICY)
    with (
        pytest.MonkeyPatch.context() as patch,
        opened(settings.model_copy(update={"policy": str(policy)})) as workshop,
    ):
        quickly(patch, str(policy))
        if with_model:
            workshop.add_model(faces().reference, faces().benchmark)
        yield workshop


def check_completed_once(workshop: Workshop, *tickets: str, versions: int = 2) -> None:
    """The tickets are completed, each by one version, with nothing left of the photos."""
    record = workshop.record
    assert record.models.numbers(MODEL) == list(range(1, versions + 1))
    made = [version.made_by.get("tickets", []) for version in record.models.versions(MODEL)]
    for ticket in tickets:
        assert workshop.state(ticket) is State.COMPLETED, workshop.load(ticket).note
        assert workshop.states(ticket).count("completed") == 1
        assert [of_version.count(ticket) for of_version in made].count(1) == 1
        assert record.certificates.check(ticket)["verdict"] == "passed"
        assert record.photos.left(ticket) == 0
    assert list(record.objects.names("runs/")) == []
    assert record.ledger.verify().broken == ()
