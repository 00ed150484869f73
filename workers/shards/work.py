"""One shard done, by whoever holds its lease."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from storage import keys
from storage.record import Record
from workers.pace import Pace
from workers.shards import embedding, searching
from workers.shards.arrays import Arrays, packed
from workers.shards.job import Job, Range

FENCE_SECONDS = 24 * 3600  # far longer than anybody works on a shard

Work = Callable[[Record, Job, Range, Callable[[], object]], Arrays]
KINDS: Mapping[str, Work] = {embedding.KIND: embedding.work, searching.KIND: searching.work}


def work(kept: Record, job: Job, number: int, go_on: Callable[[], object]) -> bool:
    """Keeps the shard's result; False where somebody else is at it.

    ``go_on`` is called again and again; what it raises comes out of here.

    Raises:
        LeaseLost: this process slept; somebody else does it.
    """
    with kept.leases.hold("shard", f"{job.id}-{number}") as lease:
        if lease is None:
            return False
        kept.redis.expire(keys.fence(lease.kind, lease.name), FENCE_SECONDS)

        def look() -> None:
            lease.check()
            go_on()

        found = KINDS[job.kind](kept, job, job.shards[number], Pace(look))
        lease.check()
        kept.objects.put(job.part(number), packed(found))
    return True
