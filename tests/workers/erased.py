"""One run that erases two people for real, and what could be seen of it while it ran."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

import storage.settings
import workers.erase
from storage.tickets.photos import Selection
from storage.uploads.images import Pixels
from tests.conftest import Servers
from tests.workers.cast import Cast
from tests.workers.lines import settings_of
from tests.workers.workshop import MODEL, Workshop, opened
from workers.recognizer import Recognizer
from workers.unlearning import Checkpoints, Plan, Step, Watch, unlearn
from workers.unlearning.loop import Unlearned

# The figures of a test must not hang on the ids of its tickets, which the run's seed is made of.
# All photos train: the loose policy has no room for what sparing some would cost so short a run.
PLAN = Plan(seed=0, steps=80, learning_rate=2e-3, validate=False)
LOOSE = str(Path(__file__).with_name("loose.toml"))
FIRST, SECOND = "DSR-2026-0142", "DSR-2026-0143"


@dataclass
class Unlearner:
    """The real ``unlearn``, and what it was given each time."""

    subjects: list[list[Pixels]] = field(default_factory=list)
    reference: list[set[str]] = field(default_factory=list)
    results: list[Unlearned] = field(default_factory=list)

    def __call__(
        self,
        recognizer: Recognizer,
        subjects: Sequence[Pixels],
        reference: Mapping[str, Pixels],
        plan: Plan,  # noqa: ARG002 - PLAN is used instead
        watch: Watch,
        cache: Path,
        checkpoints: Checkpoints,
    ) -> Unlearned:
        self.subjects.append(list(subjects))
        self.reference.append(set(reference))
        self.results.append(self.make(recognizer, subjects, reference, watch, cache, checkpoints))
        return self.results[-1]

    def make(
        self,
        recognizer: Recognizer,
        subjects: Sequence[Pixels],
        reference: Mapping[str, Pixels],
        watch: Watch,
        cache: Path,
        checkpoints: Checkpoints,
    ) -> Unlearned:
        return unlearn(recognizer, subjects, reference, PLAN, watch, cache, checkpoints)


@dataclass
class Replay(Unlearner):
    """Gives at once what a run that forgot both people gave; ``during`` is called in mid-run."""

    given: Unlearned = field(kw_only=True)
    during: Callable[[], object] = field(default=lambda: None, kw_only=True)
    after: Callable[[], object] = field(default=lambda: None, kw_only=True)

    def make(self, *given: Any) -> Unlearned:
        watch: Watch = given[3]
        watch(Step(0.3, "forgetting"))
        self.during()
        watch(Step(0.6, "forgetting"))
        self.after()
        return self.given


@dataclass(frozen=True)
class Erased:
    workshop: Workshop
    tickets: tuple[str, str]
    selections: tuple[Selection, Selection]  # as they were before the photos went
    held_out: list[bytes]  # pixels of each held-out crop
    unlearner: Unlearner
    redis: bytes  # every key and value, when both had completed
    bucket: Path  # the folder that the S3 server keeps the bucket in

    @property
    def result(self) -> Unlearned:
        return self.unlearner.results[0]


def erase_two(servers: Servers, cast: Cast, folder: Path, s3: Path) -> Erased:
    Redis.from_url(servers.redis_url).flushall()
    settings = settings_of(servers, folder, "erased", policy=LOOSE)
    unlearner = Unlearner()
    with opened(settings) as workshop, pytest.MonkeyPatch.context() as patch:
        workshop.add_model(cast.reference, cast.benchmark)
        tickets = (
            workshop.queued(cast.subject, FIRST),
            workshop.queued(cast.other_subject, SECOND),
        )
        first, second = (workshop.selection(ticket) for ticket in tickets)
        held_out = [
            workshop.record.photos.crop(ticket, digest).tobytes()
            for ticket, selection in zip(tickets, (first, second), strict=True)
            for digest in selection.held_out
        ]
        use(patch, unlearner)
        workers.erase.erase(MODEL)
        kept = everything(servers.redis_url)
    bucket = s3 / settings.s3_bucket
    return Erased(workshop, tickets, (first, second), held_out, unlearner, kept, bucket)


def use(patch: pytest.MonkeyPatch, unlearner: Unlearner, policy: str = LOOSE) -> None:
    """The task ``erase`` unlearns with ``unlearner`` and judges by ``policy``."""
    patch.setattr(workers.erase, "unlearn", unlearner)
    patch.setenv("LETHE_POLICY", policy)
    storage.settings.settings.cache_clear()
    workers.erase.policy.cache_clear()


def everything(redis_url: str) -> bytes:
    """All that a Redis holds, keys and values."""
    redis = Redis.from_url(redis_url)
    found: list[bytes] = []
    for key in redis.scan_iter():
        found.append(key)
        found.append(repr(_READ[redis.type(key)](redis, key)).encode())
    return b"\n".join(found)


_READ: dict[bytes | str, Callable[[Any, bytes], object]] = {
    b"string": lambda redis, key: redis.get(key),
    b"hash": lambda redis, key: redis.hgetall(key),
    b"set": lambda redis, key: redis.smembers(key),
    b"zset": lambda redis, key: redis.zrange(key, 0, -1, withscores=True),
    b"list": lambda redis, key: redis.lrange(key, 0, -1),
}
