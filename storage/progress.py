"""Live progress of a ticket's stage: in Redis alone, for the pages and the command line."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from redis import Redis

from storage import keys

KEEP_SECONDS = 24 * 3600  # long after anybody watches


@dataclass(frozen=True)
class Progress:
    stage: str  # the state's name
    fraction: float  # 0…1 of the stage
    text: str = ""
    figures: dict[str, float] = field(default_factory=dict)  # losses and rates so far


class ProgressBoard:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def show(self, ticket: str, progress: Progress) -> None:
        self._redis.set(keys.progress(ticket), json.dumps(asdict(progress)), ex=KEEP_SECONDS)

    def read(self, ticket: str) -> Progress | None:
        found = self._redis.get(keys.progress(ticket))
        return Progress(**json.loads(found)) if found else None
