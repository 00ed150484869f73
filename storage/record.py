"""Everything that is kept, behind one door: the object store is the record, Redis its index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from storage.accounts.api_tokens import ApiTokens
from storage.accounts.second_factor import SecondFactors
from storage.accounts.sessions import Sessions
from storage.accounts.sign_in_links import SignInLinks
from storage.accounts.users import Users
from storage.audit.log import AuditLog
from storage.certificates.issued import Certificates
from storage.errors import LetheError
from storage.faces.enrolled import EnrolledPeople
from storage.faces.sets import FaceSets
from storage.leases import Leases
from storage.ledger import Ledger
from storage.models.imports import Imports
from storage.models.known import KnownModels
from storage.models.registry import Models
from storage.settings import Settings, settings
from storage.store.objects import ObjectStore
from storage.tickets.drafts import Drafts
from storage.tickets.history import History
from storage.tickets.photos import TicketPhotos
from storage.tickets.progress import ProgressBoard
from storage.tickets.registry import Tickets

REDIS_SECONDS = 5.0  # to connect, and to answer


class QueueUnavailable(LetheError, RedisError):
    """Redis does not answer, or cannot write. What the record holds is safe."""


class Index(Redis):
    """Redis whose failures are one line that says what to do."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        with _errors(self):
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> Pipeline:
        return _IndexPipeline(
            self.connection_pool, self.response_callbacks, transaction, shard_hint
        )


class _IndexPipeline(Pipeline):
    def execute(self, raise_on_error: bool = True) -> list[Any]:
        with _errors(self):
            return super().execute(raise_on_error)


@contextmanager
def _errors(redis: Redis) -> Iterator[None]:
    try:
        yield
    except QueueUnavailable:
        raise
    except RedisError as error:
        if (what := _what(error)) is None:
            raise
        host = redis.connection_pool.connection_kwargs.get("host")  # the URL may hold a password
        raise QueueUnavailable(f"Redis at {host} {what}") from None


def _what(error: RedisError) -> str | None:
    """What is wrong with Redis and what to do; None where the command itself was wrong."""
    text = str(error)  # out of a script the code stands in the text, and the class is no help
    if isinstance(error, OutOfMemoryError) or "-OOM " in text:
        return "is full (maxmemory): give it more memory; what was accepted before is kept"
    if isinstance(error, ReadOnlyError) or "-READONLY " in text:
        return "is a read-only replica: let LETHE_REDIS_URL name the primary"
    if "MISCONF " in text:
        return "cannot write to its disk: free some space there"
    if isinstance(error, RedisConnectionError | RedisTimeoutError):
        name = type(error).__name__
        return f"does not answer ({name}): is it running, and is LETHE_REDIS_URL right?"
    return None


@dataclass(frozen=True)
class Record:
    settings: Settings
    objects: ObjectStore
    redis: Redis
    audit: AuditLog
    tickets: Tickets
    history: History
    photos: TicketPhotos
    drafts: Drafts
    models: Models
    known_models: KnownModels
    imports: Imports
    faces: FaceSets
    enrolled: EnrolledPeople
    users: Users
    api_tokens: ApiTokens
    sessions: Sessions
    sign_in_links: SignInLinks
    second_factors: SecondFactors
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
        audit = AuditLog(objects, redis)
        leases = Leases(redis, config.lease_seconds)
        tickets = Tickets(objects, redis)
        photos = TicketPhotos(objects, config)
        models = Models(objects, redis, config.publish_as)
        known = KnownModels(models)
        certificates = Certificates(objects)
        faces = FaceSets(objects)
        users = Users(objects, redis)
        return cls(
            settings=config,
            objects=objects,
            redis=redis,
            audit=audit,
            tickets=tickets,
            history=History(objects),
            photos=photos,
            drafts=Drafts(objects, photos, tickets, config),
            models=models,
            known_models=known,
            imports=Imports(objects),
            faces=faces,
            enrolled=EnrolledPeople(faces, known, config),
            users=users,
            api_tokens=ApiTokens(objects, redis, users, audit),
            sessions=Sessions(redis, config.session_idle_seconds),
            sign_in_links=SignInLinks(redis),
            second_factors=SecondFactors(users, config.secret_key),
            certificates=certificates,
            leases=leases,
            progress=ProgressBoard(redis),
            ledger=Ledger(tickets, photos, models, certificates, audit, leases),
        )


def _connect(url: str) -> Redis:
    redis = Index.from_url(
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
    except QueueUnavailable:
        raise
    except RedisError as error:  # it wants a password, say, and the URL holds none
        host = urlsplit(url).hostname
        raise QueueUnavailable(
            f"Redis at {host} refuses ({type(error).__name__}): is LETHE_REDIS_URL right?"
        ) from None
    return redis
