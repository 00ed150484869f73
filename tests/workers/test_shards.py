"""A run that is divided among workers has the figures of one that is not."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from storage import object_names
from storage.canonical import Corrupt
from storage.record import Record
from storage.settings import Settings
from tests.workers.cast import Cast, crops
from tests.workers.workshop import MODEL, Workshop, opened
from workers.certification import Certification, Policy, Subject, certify
from workers.certification import search as search_module
from workers.certification.search import Ranges
from workers.certification.templates import Templates
from workers.faces import Faces, load_face_set
from workers.recognizer import Recognizer
from workers.shards import searching
from workers.shards.crowd import benchmark_of
from workers.shards.division import divided
from workers.shards.job import Job, cut

ATTACKS = frozenset({"prototype", "pooled", "replay"})


@pytest.fixture
def shop(settings: Settings, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    """160 benchmark faces are four shards; BLAS gets 16 probes at a time."""
    for module in (search_module, searching):
        monkeypatch.setattr(module, "PROBES_AT_ONCE", 16)
    monkeypatch.setattr("workers.shards.division.PROBES_AT_ONCE", 16)
    with opened(settings.model_copy(update={"shard_faces": 48})) as workshop:
        workshop.add_model(cast.reference, cast.benchmark)
        yield workshop


@dataclass(frozen=True)
class Pair:
    old: Recognizer
    new: Recognizer
    subject: Subject

    def certified(self, benchmark: Faces) -> Certification:
        photos = [np.concatenate([self.subject.forget, self.subject.held_out])]
        people = benchmark.without(photos, self.old).people
        policy = Policy.named("default")
        return certify(self.old, self.new, [self.subject], people, policy, seed=3, attacks=ATTACKS)


@pytest.fixture
def pair(recognizer: Recognizer, cast: Cast, tmp_path: Path) -> Pair:
    layer = recognizer.last_linear.weight
    weight = np.array(recognizer.file.array(layer))
    noise = np.random.default_rng(0).normal(size=weight.shape) * weight.std() / 2
    recognizer.write(tmp_path / "new.onnx", {layer: (weight + noise).astype(np.float32)})
    photos = crops([photo.data for photo in cast.subject])
    return Pair(
        recognizer, Recognizer.load(tmp_path / "new.onnx"), Subject("s", photos[:20], photos[20:])
    )


def test_the_figures_of_a_divided_certification_are_the_same_to_the_last_digit(
    shop: Workshop, pair: Pair
) -> None:
    whole = pair.certified(load_face_set(shop.record, "benchmark", 112))
    with divided(shop.record, MODEL) as division:
        crowd = benchmark_of(division, "benchmark", 112)
        apart = pair.certified(crowd)
    assert apart.document() == whole.document()
    assert apart.drawings() == whole.drawings()
    jobs = set(shop.record.objects.folders(object_names.shards(MODEL))) - {"networks", "arrays"}
    # Embedded and searched by two versions, in two halves of the gallery and among centroids, too.
    assert len(jobs) == 2 + 2 * (1 + 2 + 1)


def test_nothing_that_is_lent_to_other_workers_shows_the_subject(
    shop: Workshop, pair: Pair
) -> None:
    with divided(shop.record, MODEL) as division:
        pair.certified(benchmark_of(division, "benchmark", 112))
    own = np.concatenate(
        [
            version.embed(crops)
            for version in (pair.old, pair.new)
            for crops in (pair.subject.forget, pair.subject.held_out)
        ]
    )
    lent = [
        np.load(io.BytesIO(shop.record.objects.get(name)))
        for name in shop.record.objects.names(f"{object_names.shards(MODEL)}arrays/")
    ]
    templates = [array for array in lent if array.shape[1] == own.shape[1]]
    assert len(templates) >= 4  # of two versions, people and centroids
    assert max(float((array @ own.T).max()) for array in templates) < 0.999


def test_a_benchmark_of_one_shard_is_not_divided(shop: Workshop) -> None:
    kept = shop.record.settings.model_copy(update={"shard_faces": 160})
    with divided(replace(shop.record, settings=kept), MODEL) as division:
        people = benchmark_of(division, "benchmark", 112).people
        searched = division.search(*_some(160))
    assert isinstance(people, dict)
    assert searched is None


def _some(count: int) -> tuple[Templates, Templates, Ranges]:
    rows = np.ones((count, 4), dtype=np.float32)
    return rows, rows, np.zeros((count, 2), dtype=np.int64)


@pytest.mark.parametrize(
    ("sizes", "most", "shards"),
    [
        ([3, 3, 3], 6, ((0, 2), (2, 3))),
        ([9, 1, 1], 4, ((0, 1), (1, 3))),
        ([1], 4, ((0, 1),)),
        ([], 4, ()),
    ],
)
def test_people_are_cut_between_and_never_through(
    sizes: list[int], most: int, shards: tuple[tuple[int, int], ...]
) -> None:
    assert cut(sizes, most) == shards


def test_a_job_that_was_altered_is_refused_and_one_that_is_gone_is_nobodys(
    record: Record,
) -> None:
    job = Job(MODEL, "search", {"gallery": "0" * 64}, ((0, 4),))
    assert Job.read(record.objects, MODEL, job.id) is None
    job.keep(record.objects)
    assert Job.read(record.objects, MODEL, job.id) == job
    other = {**job.document(), "shards": [[0, 5]]}
    record.objects.put_document(object_names.shard_job(MODEL, job.id), other)
    with pytest.raises(Corrupt, match="another job than its name says"):
        Job.read(record.objects, MODEL, job.id)
    record.objects.put_document(object_names.shard_job(MODEL, job.id), {"format": 1})
    with pytest.raises(Corrupt, match="no job of this version"):
        Job.read(record.objects, MODEL, job.id)
