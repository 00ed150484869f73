"""The chain of a model's certificates: each names the one before, back to the import."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from storage.canonical import sha256
from storage.certificates.form import Certificate, Certificate2
from storage.certificates.signing import BadCertificate
from storage.models.registry import Version


@dataclass(frozen=True)
class Link:
    """A verified certificate in a chain."""

    name: str  # of the file or object, for messages
    digest: str  # SHA-256 of the file: what the next one names
    form: Certificate

    @classmethod
    def of(cls, data: bytes, form: Certificate, name: str) -> Link:
        return cls(name, sha256(data), form)

    @property
    def previous(self) -> str | None:
        return self.form.previous_certificate

    @property
    def imported(self) -> str | None:
        """Digest of the import; format 1 names neither that nor the certificate before."""
        return self.form.imported_version if isinstance(self.form, Certificate2) else None


def tickets_of(versions: Iterable[Version]) -> list[str]:
    """The tickets that made the versions, in the order in which they are certified."""
    return [ticket for version in versions for ticket in version.tickets]


def last(links: Sequence[Link]) -> Link | None:
    """The certificate that the model's next one names.

    It is the one that none names: that of a ticket which failed in mid-publication may have come
    after those of later versions. Certificates of format 1 name none; of those, the last counts.
    ``links`` stand in the order of ``tickets_of``.
    """
    named = {link.previous for link in links}
    return next((link for link in reversed(links) if link.digest not in named), None)


def back_to_import(head: Link, others: Sequence[Link]) -> list[Link]:
    """The chain that ``head`` is the last of, newest first. ``others`` are all the rest of it.

    It ends at the model's first certificate, or at one of format 1, which names none before.

    Raises:
        BadCertificate: a link is missing, doubled or somebody else's, or others follow.
    """
    links = [head, *others]
    for wrong in faults(links):
        raise BadCertificate(wrong)
    for link in others:
        if link.previous == head.digest:
            raise BadCertificate(
                f"{head.name}: not the last certificate of model {head.form.model}: {link.name}, "
                f"of version {link.form.version.number}, follows it"
            )
    found = {link.digest: link for link in links}
    chain = [head]
    while (previous := chain[-1].previous) is not None and chain[-1].imported:
        chain.append(found[previous])
    for link in others:
        if link not in chain:
            raise BadCertificate(f"{link.name}: not in the chain that ends with {head.name}")
    return chain


def faults(links: Sequence[Link], imported: str | None = None) -> Iterator[str]:
    """What is wrong with the certificates of one model, a line each.

    Args:
        imported: digest of the version that the model was imported as, where it is known.
    """
    yield from _doubled(links)
    digests = {link.digest for link in links}
    before: dict[str | None, Link] = {}
    for link in links:
        if not link.imported:
            continue
        if link.previous is not None and link.previous not in digests:
            yield (
                f"{link.name}: names a certificate before it with SHA-256 {link.previous[:12]}…, "
                "and that one is not there: a link is missing"
            )
        if other := before.get(link.previous):
            what = f"name {link.previous[:12]}… as the one" if link.previous else "say that none is"
            yield f"{link.name} and {other.name}: both {what} before them; one is out of the chain"
        before[link.previous] = link
    for link in links:
        yield from _astray(link, links[0], imported or _root(links))
    # Certificates of format 1 do not say what their versions were made from.
    if all(link.imported for link in links):
        yield from _from_nowhere(links)


def _root(links: Sequence[Link]) -> str | None:
    return next((link.imported for link in links if link.imported), None)


def _doubled(links: Sequence[Link]) -> Iterator[str]:
    digests: dict[str, Link] = {}
    tickets: dict[str, Link] = {}
    for link in links:
        ticket = link.form.ticket
        if one := digests.get(link.digest):
            yield f"{link.name}: the same certificate as {one.name}: replayed"
        elif one := tickets.get(ticket):
            yield f"{link.name}: a second certificate of ticket {ticket}, whose other is {one.name}"
        digests[link.digest] = tickets[ticket] = link


def _astray(link: Link, one: Link, imported: str | None) -> Iterator[str]:
    """Is the link of the same model and import as ``one``?"""
    form = link.form
    if form.model != one.form.model:
        yield f"{link.name}: of model {form.model}, not of {one.form.model}"
    elif link.imported and link.imported != imported:
        yield f"{link.name}: names another import of model {form.model}"
    elif link.imported and link.previous is None and form.parent.digest != link.imported:
        yield f"{link.name}: says that it is the first, and its parent is not the import"


def _from_nowhere(links: Sequence[Link]) -> Iterator[str]:
    """Versions made from one that no certificate is about; a rolled back model's parent is old."""
    known = {link.form.version.digest for link in links} | {link.imported for link in links}
    for link in links:
        version, parent = link.form.version, link.form.parent
        if parent.digest not in known:
            yield (
                f"{link.name}: version {version.number} was made from version {parent.number}, "
                "which no certificate of the chain is about"
            )
