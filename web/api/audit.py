"""Audit: the ledger verified when asked, and the audit log by pages."""

from __future__ import annotations

import structlog
from pydantic import Field

from storage.audit.log import Entry, Filter
from web.accounts.signed_in import me
from web.api.contract import Resource
from web.api.fields import Day, Digest, Document, Instant, Limit, Next, Sent
from web.api.pages import next_page, page
from web.services import record

resource = Resource("Audit", "Whether the record is intact, and who did what.")
log = structlog.get_logger("web.api.audit")


class AuditDocument(Document):
    """What was walked, and each broken link by name."""

    tickets: int
    versions: int
    aliases: int
    certificates: int
    entries: int = Field(description="Of the audit log.")
    broken: list[str]


class EntryDocument(Document):
    """Who did what, when, to what; each entry holds the digest of the one before."""

    number: int
    at: Instant
    actor: str
    act: str
    about: str
    facts: dict[str, str | int | bool]
    previous: Digest | None
    digest: Digest


class EntryPage(Document):
    items: list[EntryDocument]
    broken: list[str] = Field(description="Entries of this page that cannot be read, a line each.")
    next: Next


class EntryQuery(Sent):
    actor: str | None = Field(None, max_length=64, description="A user's name.")
    act: str | None = Field(None, max_length=64)
    day: Day | None = None
    after: int | None = Field(None, ge=1, le=2**53, description="The cursor; from `next`.")
    limit: Limit = 50


@resource.post("/ledger/verify", answer=AuditDocument)
def verify_ledger() -> AuditDocument:
    """Walk every ticket, version, alias, certificate and the audit log; it may take a while."""
    found = record().ledger.verify_for(me().name)
    log.info("ledger_verified", user=me().name, broken=len(found.broken))
    return AuditDocument.model_validate(found)


@resource.get("/audit-log", answer=EntryPage, query=EntryQuery, also=("Link",))
def list_audit_log(query: EntryQuery) -> tuple[EntryPage, dict[str, str]]:
    """List the audit log, the newest entry first."""
    wanted = Filter(query.actor, query.act, query.day)
    numbers = record().audit.index.numbers(wanted, query.after, query.limit + 1)
    shown, more = page(numbers, query.limit)
    found = record().audit.page(wanted, query.after, len(shown))
    items = [EntryDocument.model_validate(one) for one in found if isinstance(one, Entry)]
    broken = [str(one) for one in found if not isinstance(one, Entry)]
    address, headers = next_page(query, str(shown[-1]) if more else None)
    return EntryPage(items=items, broken=broken, next=address), headers
