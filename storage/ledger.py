"""The ledger as a whole: is every link of the record intact, and Redis made anew from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from storage import names, object_names
from storage.audit.log import Act, AuditLog, Entry
from storage.canonical import Corrupt, sha256
from storage.certificates.chain import Link, faults, tickets_of
from storage.certificates.issued import Certificates
from storage.errors import BadInput, LetheError
from storage.leases import Leases
from storage.models.registry import ALIASES, Models, Version
from storage.store.objects import StoreRefused, StoreUnavailable
from storage.tickets.photos import TicketPhotos
from storage.tickets.registry import NoSuchTicket, Tickets
from storage.tickets.states import ENDED, State
from storage.tickets.ticket import Ticket


class UnderVerification(BadInput):
    """Somebody else has the record verified just now."""


@dataclass(frozen=True)
class Audit:
    """What was walked, and each broken link by name."""

    tickets: int
    versions: int
    aliases: int
    certificates: int
    broken: tuple[str, ...]
    entries: int = 0  # of the audit log


class Ledger:
    def __init__(
        self,
        tickets: Tickets,
        photos: TicketPhotos,
        models: Models,
        certificates: Certificates,
        audit: AuditLog,
        leases: Leases,
    ) -> None:
        self._tickets = tickets
        self._photos = photos
        self._models = models
        self._certificates = certificates
        self._audit = audit
        self._leases = leases

    def verify(self) -> Audit:
        """Walks every ticket, version, alias and certificate, and the audit log."""
        broken: list[str] = []
        indexed = self._tickets.index.all()  # before the record: one that comes meanwhile is in it
        tickets, models = self._tickets.recorded(), self._models.recorded()
        signed = self._certificates.recorded()
        broken += [_gone(ticket) for ticket in sorted((indexed | set(signed)) - set(tickets))]
        for ticket in tickets:
            broken += _found(partial(self._check_ticket, ticket))
        versions = aliases = 0
        for model in models:
            if wrong := _found(partial(names.model_name, model)):
                broken += wrong
                continue
            broken += _found(partial(self._models.get, model))
            digests: dict[str, int] = {}
            for number in self._models.numbers(model):
                broken += _found(partial(self._check_line, model, number, digests))
                broken += _found(partial(self._check_files, model, number))
                versions += 1
            for alias in ALIASES:
                aliases += self._models.has_alias(model, alias)
                broken += self._models.alias_faults(model, alias, digests)
            broken += self._models.policy_faults(model)
        broken += self._check_certificates(signed, models)
        entries = 0
        for found in self._audit.walk():
            entries += isinstance(found, Entry)
            broken += [] if isinstance(found, Entry) else [str(found)]
        kept = (len(tickets), versions, aliases, len(signed))
        return Audit(*kept, tuple(dict.fromkeys(broken)), entries)

    def verify_for(self, actor: str) -> Audit:
        """As ``verify``, one at a time; the audit log then has who asked and what came of it.

        Raises:
            UnderVerification
        """
        with self._leases.hold("ledger", "verification") as lease:
            if lease is None:
                raise UnderVerification("the record is being verified already; wait for its end")
            found = self.verify()
        facts = {"broken": len(found.broken), "tickets": found.tickets, "entries": found.entries}
        self._audit.mention(actor, Act.LEDGER_VERIFIED, "record", facts)
        return found

    def rebuild(self) -> Audit:
        """Makes the index of tickets, models and the audit log in Redis anew, then verifies.

        Nothing is emptied first: who reads or moves a ticket meanwhile finds it.
        """
        models = self._models.recorded()
        for model in models:
            if not _found(partial(self._models.get, model)):
                self._models.register(model)
        for model in self._models.registered() - set(models):
            if _found(partial(self._models.get, model)):  # one that was added meanwhile stays
                self._models.forget(model)
        lost = self._lost(set(self._tickets.recorded()))
        for ticket in self._tickets.recorded():
            lost += _found(partial(self._reindex, ticket))
        self._tickets.index.remove_older()
        lost += self._audit.rebuild()
        audit = self.verify()
        return replace(audit, broken=tuple(dict.fromkeys([*lost, *audit.broken])))

    def _lost(self, recorded: set[str]) -> list[str]:
        """Tickets that the index has and the record lacks; they leave the index."""
        lost = []
        for ticket in sorted(self._tickets.index.all() - recorded):
            if not self._tickets.length(ticket):  # not one that was submitted just now
                self._tickets.index.remove(ticket)
                lost.append(_gone(ticket))
        return lost

    def _reindex(self, ticket: str) -> None:
        """Writes the index as the record is, and says where the record has less than the index.

        Raises:
            Corrupt: nobody could say so afterwards.
        """
        with self._tickets.lock(ticket):  # nobody moves it between the reading and the writing
            indexed = self._tickets.index.get(ticket)
            try:
                loaded = self._tickets.load(ticket)
            except NoSuchTicket:
                self._tickets.index.remove(ticket)
                if indexed is None:
                    return
                raise Corrupt(_gone(ticket)) from None
            self._tickets.index.write(loaded, force=True)
        _check_length(loaded, indexed)

    def _check_ticket(self, ticket: str) -> None:
        indexed = self._tickets.index.get(ticket)  # before the record, too
        try:
            events = self._tickets.events(ticket)
        except NoSuchTicket:
            if indexed is not None or self._certificates.has(ticket):
                raise Corrupt(_gone(ticket)) from None
            if not self._photos.left(ticket):
                return  # an empty folder: what some stores leave of a write that they refused
            if self._photos.drafted(ticket):
                return  # it may yet be submitted, or the sweep removes it
            raise Corrupt(f"ticket {ticket}: photos of a submission that never was") from None
        loaded = Ticket.replay(events)
        _check_length(loaded, indexed)
        if loaded.state in ENDED and self._photos.left(ticket):
            raise Corrupt(f"ticket {ticket}: {loaded.state}, and its photos are still there")
        if loaded.state is State.COMPLETED:
            digest = sha256(self._certificates.certificate(ticket))
            ended = next(event for event in reversed(events) if event.notice is None)
            if digest != ended.data.get("certificate", digest):
                raise Corrupt(
                    f"{object_names.certificate(ticket)}: not the one that the ticket ended with"
                )

    def _check_line(self, model: str, number: int, digests: dict[str, int]) -> None:
        """Is the version's parent one of those before it? Adds the version to ``digests``."""
        version = self._models.version(model, number)
        if not isinstance(version.parent, str | None):
            raise Corrupt(f"model {model}: version {number} names no digest as its parent")
        first, has_parent = not digests, version.parent in digests
        digests[version.digest] = number
        if version.parent is None and not first:
            raise Corrupt(f"model {model}: version {number} names no parent")
        if version.parent is not None and not has_parent:
            raise Corrupt(f"model {model}: version {number} names a parent that is not there")

    def _check_files(self, model: str, number: int) -> None:
        self._models.check_files(self._models.version(model, number))

    def _check_certificates(self, signed: Sequence[str], models: Sequence[str]) -> list[str]:
        """Each certificate by itself, against the version it is about, and in its chain."""
        broken: list[str] = []
        links: dict[str, Link] = {}  # by ticket; those that verify
        for ticket in signed:
            broken += _found(partial(self._add_link, ticket, links))
        for model in models:
            if _found(partial(names.model_name, model)):
                continue
            versions = self._intact(model)
            chain = []
            for version in versions:
                for link in [links.pop(ticket, None) for ticket in tickets_of([version])]:
                    if link is None:
                        continue
                    chain.append(link)
                    if link.form.version.digest != version.digest:
                        broken.append(f"{link.name}: about another version than the ticket made")
            broken += faults(chain, versions[0].digest if versions else None)
        for link in links.values():
            broken.append(f"{link.name}: its ticket made no version that is there")
        return broken

    def _add_link(self, ticket: str, links: dict[str, Link]) -> None:
        links[ticket] = self._certificates.link(ticket)

    def _add_version(self, model: str, number: int, versions: list[Version]) -> None:
        versions.append(self._models.version(model, number))

    def _intact(self, model: str) -> list[Version]:
        found: list[Version] = []
        for number in self._models.numbers(model):
            _found(partial(self._add_version, model, number, found))
        return found


def _gone(ticket: str) -> str:
    return f"ticket {ticket}: is gone from the record, which had it"


def _check_length(loaded: Ticket, indexed: Ticket | None) -> None:
    if indexed is not None and indexed.events > loaded.events:
        missing = f"{loaded.events + 1} to {indexed.events}"
        raise Corrupt(f"ticket {loaded.id}: its last events are gone: {missing}")


def _found(check: Callable[[], object]) -> list[str]:
    """What ``check`` finds broken. A store that does not answer is no finding: it raises."""
    try:
        check()
    except (StoreUnavailable, StoreRefused):
        raise
    except LetheError as error:
        return [str(error)]
    return []
