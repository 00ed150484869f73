"""A division: the worker that has a run sends its shards to all workers, and does some itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import numpy as np
import structlog
from redis.exceptions import RedisError

from storage import keys
from storage.record import Record
from workers.app import outbox
from workers.certification.search import PROBES_AT_ONCE, Ranges
from workers.certification.searches import searched_by
from workers.certification.templates import Scores, Templates
from workers.recognizer import Recognizer
from workers.shards import arrays, embedding, networks, searching
from workers.shards.arrays import Arrays, unpacked
from workers.shards.job import Job
from workers.shards.work import work

log = structlog.get_logger()

WAIT_SECONDS = 2.0  # between two looks at the store while all that is left is in other hands
LOOK_SECONDS = 0.1  # between two looks at Redis, where Celery says that all are done


@contextmanager
def divided(kept: Record, model: str) -> Iterator[Division]:
    """What is too much for one worker is divided in here.

    What lies in the store for it goes with the run, and serves one that goes on after a crash.
    """
    division = Division(kept, model)
    try:
        with searched_by(division.search):
            yield division
    finally:
        networks.forget_all()
        arrays.forget_all()


class Division:
    """Of one run, among all GPU workers."""

    def __init__(self, kept: Record, model: str) -> None:
        self.kept, self.model = kept, model
        # called again and again; what it raises comes out of what is under way
        self.go_on: Callable[[], object] = lambda: None

    def divides(self, count: int) -> bool:
        """Whether so many faces or probes are more than one shard."""
        return count > self.kept.settings.shard_faces

    def embed(
        self, recognizer: Recognizer, faces: str, progress: Callable[[float], object]
    ) -> Iterator[Arrays]:
        """Templates of a face set, some people after the others; see ``embedding.work``."""
        found = self.kept.faces.get(faces)
        network = networks.lend(self.kept, self.model, recognizer)
        most = min(self.kept.settings.shard_faces, embedding.most_faces(recognizer))
        yield from self._done(embedding.job(self.model, network, found, most), progress)

    def search(self, gallery: Templates, probes: Templates, without: Ranges) -> Scores | None:
        """(M,): the best score of each probe; None where it is too little to be divided."""
        if not self.divides(len(probes)) or len(probes) <= PROBES_AT_ONCE:
            return None
        lent = [arrays.lend(self.kept, self.model, array) for array in (gallery, probes, without)]
        most = self.kept.settings.shard_faces
        found = self._done(searching.job(self.model, *lent, count=len(probes), most=most))
        return np.concatenate([part["scores"] for part in found])

    def _done(
        self, job: Job, progress: Callable[[float], object] = lambda _: None
    ) -> Iterator[Arrays]:
        """The results of all shards, in their order."""
        job.keep(self.kept.objects)
        left = set(range(len(job.shards))) - job.done(self.kept.objects)
        sent = outbox().shards(self.model, job.id, sorted(left)) if len(left) > 1 else None
        own = 0
        while left:
            self.go_on()
            progress(1 - len(left) / len(job.shards))
            if any(work(self.kept, job, number, self.go_on) for number in sorted(left)[::-1]):
                own += 1
            else:
                self._wait(job)
            left -= job.done(self.kept.objects)
        if sent is not None:
            with suppress(RedisError):
                sent.forget()
        shards = len(job.shards)
        log.info("divided", model=self.model, kind=job.kind, shards=shards, own=own)
        for number in range(len(job.shards)):
            self.go_on()
            name = job.part(number)
            yield unpacked(self.kept.objects.get(name), name)

    def _wait(self, job: Job) -> None:
        """Until Celery has counted all, or what is in other hands may have been lost."""
        end = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end:
            self.go_on()
            time.sleep(LOOK_SECONDS)
            if self.kept.redis.exists(keys.shards_done(job.id)):
                return
