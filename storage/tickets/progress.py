"""Live progress of a ticket's stage: in Redis alone, for the pages and the command line."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from storage import keys
from storage.tickets.states import WORKED

KEEP_SECONDS = 24 * 3600  # long after anybody watches
POINTS = 200  # of a stage that are kept: a chart is no wider
RUNS = 5  # whose durations are kept, and whose middle one is what the next will take
REMEMBERED_SECONDS = 180 * 24 * 3600  # a model's durations, from its last run on


@dataclass(frozen=True)
class Progress:
    stage: str  # the state's name
    fraction: float  # 0…1 of the stage
    text: str = ""
    figures: dict[str, float] = field(default_factory=dict)  # losses and rates so far
    at: float = 0.0  # when it was shown, seconds since the epoch


@dataclass(frozen=True)
class Point:
    """The figures when so much of a stage was done."""

    fraction: float
    at: float
    figures: dict[str, float]


class ProgressBoard:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def show(self, ticket: str, progress: Progress) -> None:
        """Replaces what was shown; figures are kept as points of the stage's course, too."""
        now = time.time()
        place = keys.progress_points(ticket, progress.stage)
        pipe = self._redis.pipeline()
        shown = json.dumps({**asdict(progress), "at": now})
        pipe.set(keys.progress(ticket), shown, ex=KEEP_SECONDS)
        if progress.figures:
            point = json.dumps([now, progress.figures])
            # A run that was rolled back, resumed or begun anew comes by here a second time.
            pipe.zremrangebyscore(place, progress.fraction, "+inf")
            pipe.zadd(place, {point: progress.fraction})
            pipe.zremrangebyrank(place, 0, -POINTS - 1)
            pipe.expire(place, KEEP_SECONDS)
        pipe.execute()

    def read(self, ticket: str) -> Progress | None:
        found = self._redis.get(keys.progress(ticket))
        return Progress(**json.loads(found)) if found else None

    def points(self, ticket: str, stage: str, until: float = 1.0) -> list[Point]:
        """The stage's course so far, in order; of a run before this one nothing past ``until``."""
        place = keys.progress_points(ticket, stage)
        found: list[Any] = self._redis.zrangebyscore(place, "-inf", until, withscores=True)
        return [Point(float(done), *json.loads(point)) for point, done in found]

    def clear(self, ticket: str) -> None:
        """Nothing is left of a ticket that has ended."""
        stages = [keys.progress_points(ticket, stage) for stage in WORKED]
        self._redis.delete(keys.progress(ticket), *stages)

    @contextmanager
    def timed(self, model: str, stage: str) -> Iterator[None]:
        """Remembers how long the stage took, where it ends well."""
        start = time.monotonic()
        yield
        with suppress(RedisError):  # an estimate is the poorer, the work is done
            self.took(model, stage, time.monotonic() - start)

    def took(self, model: str, stage: str, seconds: float) -> None:
        place = keys.durations(model, stage)
        pipe = self._redis.pipeline()
        pipe.lpush(place, round(seconds, 3))
        pipe.ltrim(place, 0, RUNS - 1)
        pipe.expire(place, REMEMBERED_SECONDS)
        pipe.execute()

    def usual(self, model: str, stages: Sequence[str]) -> dict[str, float]:
        """How long each stage of the model takes, seconds; those that never ran are left out."""
        pipe = self._redis.pipeline()
        for stage in stages:
            pipe.lrange(keys.durations(model, stage), 0, RUNS - 1)
        found = zip(stages, pipe.execute(), strict=True)
        return {stage: _middle(seconds) for stage, seconds in found if seconds}


def _middle(seconds: Iterable[str]) -> float:
    return statistics.median(float(second) for second in seconds)
