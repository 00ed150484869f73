"""Everything that is kept, behind one door: the object store is the record, Redis its index."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from storage.certificates import Certificates
from storage.errors import LetheError
from storage.faces import FaceSets
from storage.leases import Leases
from storage.ledger import Ledger
from storage.models import Models
from storage.objects import ObjectStore
from storage.photos import TicketPhotos
from storage.progress import ProgressBoard
from storage.settings import Settings, settings
from storage.tickets import Tickets
from storage.users import Users

REDIS_SECONDS = 5.0  # to connect, and to answer


class QueueUnavailable(LetheError):
    """Redis does not answer."""


@dataclass(frozen=True)
class Record:
    settings: Settings
    objects: ObjectStore
    redis: Redis
    tickets: Tickets
    photos: TicketPhotos
    models: Models
    faces: FaceSets
    users: Users
    certificates: Certificates
    leases: Leases
    progress: ProgressBoard
    ledger: Ledger

    @classmethod
    def open(cls, given: Settings | None = None) -> Record:
        """Connects to the object store and to Redis.

        Raises:
            BadSettings, StoreRefused, StoreUnavailable, QueueUnavailable
        """
        config = given or settings()
        objects = ObjectStore.from_settings(config)
        objects.ensure_bucket()
        redis = _connect(config.redis_url)
        tickets, photos = Tickets(objects, redis), TicketPhotos(objects, config)
        models, certificates = Models(objects, redis), Certificates(objects)
        return cls(
            settings=config,
            objects=objects,
            redis=redis,
            tickets=tickets,
            photos=photos,
            models=models,
            faces=FaceSets(objects),
            users=Users(objects),
            certificates=certificates,
            leases=Leases(redis, config.lease_seconds),
            progress=ProgressBoard(redis),
            ledger=Ledger(tickets, photos, models, certificates),
        )


def _connect(url: str) -> Redis:
    redis = Redis.from_url(
        url,
        socket_timeout=REDIS_SECONDS,
        socket_connect_timeout=REDIS_SECONDS,
        health_check_interval=30,
        decode_responses=True,
        retry=Retry(ExponentialBackoff(cap=1.0, base=0.05), 4),
        retry_on_error=[RedisConnectionError, RedisTimeoutError],
    )
    try:
        redis.ping()
    except RedisError as error:
        host = urlsplit(url).hostname  # the URL itself may hold a password
        raise QueueUnavailable(
            f"Redis at {host} does not answer ({type(error).__name__}): "
            "is it running, and is LETHE_REDIS_URL right?"
        ) from None
    return redis
