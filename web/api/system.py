"""The system as a program sees it: who it is, which version answers, what is alive."""

from __future__ import annotations

from importlib.metadata import version

from storage.accounts.api_tokens import Scope
from storage.accounts.users import Role
from web.accounts.signed_in import me
from web.api.bearer import token
from web.api.contract import Resource
from web.api.fields import Document, Instant
from web.operations import fleet
from web.services import record, services

resource = Resource("System", "Who you are, and what is alive.")


class MeDocument(Document):
    """The owner of the token, and what the token is for."""

    name: str
    role: Role
    token: str
    scopes: list[Scope]
    expires_at: Instant


class WorkerDocument(Document):
    name: str
    busy: bool


class SystemDocument(Document):
    version: str
    workers: list[WorkerDocument]
    queues: dict[str, int]


@resource.get("/me", answer=MeDocument)
def show_me() -> MeDocument:
    """Show whose token it is, and what it may be used for."""
    given = token()
    return MeDocument(
        name=me().name,
        role=me().role,
        token=given.id,
        scopes=sorted(given.scopes),
        expires_at=given.expires_at,
    )


@resource.get("/system", answer=SystemDocument)
def show_system() -> SystemDocument:
    """Show the version, the workers that are alive, and how many tasks wait in each queue."""
    workers = [
        WorkerDocument(name=worker.name, busy=worker.busy)
        for worker in fleet.workers(record().redis)
    ]
    queues = fleet.queue_lengths(services().queue)
    return SystemDocument(version=version("lethe"), workers=workers, queues=queues)
