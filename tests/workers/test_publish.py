"""Certificates as they are published: one chain a model, whatever dies in between."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest

import workers.publish
from storage import names
from storage.canonical import canonical, sha256
from storage.certificates.chain import back_to_import, tickets_of
from storage.certificates.issued import BadCertificate, Certificates, Signer, write_new_key
from storage.models.registry import MODEL_FILE, Model, Models, Version
from storage.record import Record
from storage.settings import Settings
from storage.tickets.photos import Photo, Selection
from storage.tickets.states import State
from tests.certification.worlds import drawn_world
from tests.storage.conftest import MODEL, PATH, SUBJECT, request_for
from workers.certification import Certification, Subject
from workers.faces import Faces
from workers.publish import finish, publish
from workers.run import Run


@pytest.fixture(autouse=True)
def _no_drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports are another file's subject, and drawing them would take most of the time here."""
    monkeypatch.setattr(workers.publish, "report_html", lambda *_: b"<p>report</p>")


@pytest.fixture(scope="module")
def judged() -> Certification:
    return drawn_world().certify()


@dataclass
class Publisher:
    """Publishes versions that nothing was trained for, each with a certification that passes."""

    record: Record
    judged: Certification
    folder: Path

    def __post_init__(self) -> None:
        self._file = self.folder / MODEL_FILE
        self._numbers = count()
        self.record.models.create(Model(MODEL, "reference", "benchmark"))
        self.imported = self._import()

    def ticket(self, photos: Sequence[bytes] = (b"one", b"two", b"three")) -> str:
        """A ticket whose certification is under way."""
        record, ticket = self.record, names.new_ticket_id()
        given = [Photo(f"ada-{number}.jpg", data) for number, data in enumerate(photos)]
        manifest = record.photos.keep(ticket, given)
        record.tickets.submit(ticket, request_for(), "ada", {"manifest": manifest})
        crops = [
            record.photos.keep_crop(
                ticket, np.full((2, 2, 3), len(data) * 9 + data[0] % 9, dtype=np.uint8)
            )
            for data in photos
        ]
        record.photos.keep_selection(ticket, Selection(tuple(crops[:2]), tuple(crops[2:]), ()))
        for state in PATH[: PATH.index(State.CERTIFYING) + 1]:
            record.tickets.move(ticket, state, "worker")
        return ticket

    def publish(self, *tickets: str, parent: Version | None = None) -> None:
        record, parent = self.record, parent or self.record.models.find(MODEL)
        self._file.write_bytes(b"weights %d" % next(self._numbers))
        (figures,) = self.judged.subjects.values()
        (curves,) = self.judged.subject_curves.values()
        models = {"old": parent.files[MODEL_FILE], "new": sha256(self._file.read_bytes())}
        certification = replace(
            self.judged,
            subjects=dict.fromkeys(tickets, figures),
            subject_curves=dict.fromkeys(tickets, curves),
            models=models,
        )
        nothing = np.empty((0, 2, 2, 3), dtype=np.uint8)
        run = Run(
            version=parent,
            recognizer=None,  # type: ignore[arg-type] - publishing looks at no picture
            tickets=tuple(record.tickets.load(ticket) for ticket in tickets),
            subjects=tuple(Subject(ticket, nothing, nothing) for ticket in tickets),
            reference=Faces("reference", "1" * 64, {"Grace": nothing}),
            benchmark=Faces("benchmark", "2" * 64, {"Grace": nothing}),
            seed=0,
        )
        with record.leases.hold("model", MODEL) as lease:
            assert lease is not None
            publish(record, run, certification, self._file, lease)

    def finish(self, *tickets: str) -> None:
        loaded = [self.record.tickets.load(ticket) for ticket in tickets]
        with self.record.leases.hold("model", MODEL) as lease:
            assert lease is not None
            assert finish(self.record, MODEL, loaded, lease) == []

    def chain(self) -> list[str]:
        """The tickets of the model's chain, from the first on, once all of it holds."""
        tickets = tickets_of(self.record.models.versions(MODEL))
        links = self.record.certificates.links(tickets)
        named = {link.previous for link in links}
        (head,) = [link for link in links if link.digest not in named]
        chain = back_to_import(head, [link for link in links if link is not head])
        assert {link.imported for link in chain} == {self.imported.digest}
        assert self.record.ledger.verify().broken == ()
        return [link.form.ticket for link in reversed(chain)]

    def _import(self) -> Version:
        self._file.write_bytes(b"imported")
        with self.record.leases.hold("model", MODEL) as lease:
            assert lease is not None
            files = {MODEL_FILE: self._file}
            version = self.record.models.publish(MODEL, files, {}, parent=None, lease=lease)
            self.record.models.point(MODEL, "current", version, "ada", lease)
        return version


@pytest.fixture
def publisher(
    record: Record, settings: Settings, judged: Certification, tmp_path: Path
) -> Publisher:
    assert settings.signing_key_file is not None
    write_new_key(settings.signing_key_file)
    return Publisher(record, judged, tmp_path)


@contextmanager
def killed_at(owner: type, name: str, call: int) -> Iterator[None]:
    """The ``call``-th call of a method dies, as a worker that is killed there would."""
    real, calls = getattr(owner, name), count(1)

    def killed(*given: object) -> object:
        if next(calls) == call:
            raise MemoryError
        return real(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, killed)
        with pytest.raises(MemoryError):
            yield


def test_the_tickets_of_all_runs_form_one_chain_back_to_the_import(publisher: Publisher) -> None:
    first, second, third = (publisher.ticket() for _ in range(3))
    publisher.publish(first, second)
    publisher.publish(third)
    assert publisher.chain() == [first, second, third]
    body = publisher.record.certificates.check(first)
    assert body["previous_certificate"] is None
    assert body["parent"]["digest"] == publisher.imported.digest


@pytest.mark.parametrize("call", [1, 2])
@pytest.mark.parametrize("where", [(Certificates, "keep"), (Models, "release")])
def test_a_worker_that_is_killed_in_between_leaves_the_same_chain(
    publisher: Publisher, where: tuple[type, str], call: int
) -> None:
    first, second, third = (publisher.ticket() for _ in range(3))
    publisher.publish(first)
    with killed_at(*where, call):
        publisher.publish(second, third)
    kept = publisher.record.certificates
    written = {ticket: kept.certificate(ticket) for ticket in kept.recorded()}
    left = [
        ticket
        for ticket in (second, third)
        if publisher.record.tickets.load(ticket).state is State.PUBLISHING
    ]
    publisher.finish(*reversed(left))  # as the queue may hold them
    assert publisher.chain() == [first, second, third]
    for ticket, data in written.items():
        assert kept.certificate(ticket) == data


def test_a_ticket_that_failed_after_its_version_was_made_completes_when_tried_again(
    publisher: Publisher,
) -> None:
    ticket, tickets = publisher.ticket(), publisher.record.tickets
    with killed_at(Certificates, "keep", 1):
        publisher.publish(ticket)
    tickets.move(ticket, State.FAILED, "worker")
    tickets.move(ticket, State.QUEUED, "ada")
    publisher.finish(ticket)
    assert tickets.load(ticket).state is State.COMPLETED
    assert publisher.chain() == [ticket]


def test_a_ticket_that_is_finished_late_follows_those_certified_meanwhile(
    publisher: Publisher,
) -> None:
    first, late, after = (publisher.ticket() for _ in range(3))
    with killed_at(Certificates, "keep", 2):
        publisher.publish(first, late)
    publisher.publish(after)
    publisher.finish(late)
    assert publisher.chain() == [first, after, late]


def test_after_a_rollback_the_chain_goes_on_from_the_last_certificate(
    publisher: Publisher,
) -> None:
    first, rolled_back, after = (publisher.ticket() for _ in range(3))
    publisher.publish(first)
    publisher.publish(rolled_back)
    second_version = publisher.record.models.version(MODEL, 2)
    publisher.publish(after, parent=second_version)
    assert publisher.chain() == [first, rolled_back, after]
    assert publisher.record.certificates.check(after)["parent"]["number"] == 2


def test_after_the_key_was_replaced_the_chain_goes_on(
    publisher: Publisher, settings: Settings
) -> None:
    first, second = publisher.ticket(), publisher.ticket()
    publisher.publish(first)
    assert settings.signing_key_file is not None
    settings.signing_key_file.unlink()
    write_new_key(settings.signing_key_file)
    publisher.publish(second)
    assert publisher.chain() == [first, second]
    uses = {use.key_id: use.certificates for use in publisher.record.certificates.key_uses()}
    assert list(uses.values()) == [1, 1]
    now = publisher.record.certificates.check(second)["key_id"]
    assert now == Signer.from_file(settings.signing_key_file).key_id


def test_nothing_is_signed_after_a_certificate_that_does_not_verify(
    publisher: Publisher,
) -> None:
    first, second = publisher.ticket(), publisher.ticket()
    publisher.publish(first)
    name = f"certificates/{first}.json"
    data = publisher.record.objects.get(name)
    publisher.record.objects.put(name, data.replace(b'"verdict":"passed"', b'"verdict":"Passed"'))
    with pytest.raises(BadCertificate, match=f"{name}: the signature does not match"):
        publisher.publish(second)
    assert publisher.record.certificates.recorded() == [first]


def test_a_certificate_of_another_version_is_not_taken_for_the_tickets_own(
    publisher: Publisher,
) -> None:
    ticket = publisher.ticket()
    with killed_at(Models, "release", 1):
        publisher.publish(ticket)
    name = f"models/{MODEL}/versions/000002/manifest.json"
    document = publisher.record.objects.get_document(name)
    publisher.record.objects.put_document(name, {**document, "created_at": "1999-01-01"})
    with pytest.raises(BadCertificate, match="of another version than the ticket made"):
        publisher.finish(ticket)


def test_a_certificate_names_nobody_no_file_and_no_photo_that_could_be_searched_for(
    publisher: Publisher,
) -> None:
    photos = (b"one", b"two", b"three")
    first, second = publisher.ticket(photos), publisher.ticket(photos)
    selection = publisher.record.photos.selection(first)
    assert selection is not None
    publisher.publish(first, second)
    data = publisher.record.certificates.certificate(first).decode()
    for secret in (SUBJECT, "ada-", "Ada", "Grace", "person0", "subject-", ".jpg"):
        assert secret not in data
    digests = [hashlib.sha256(photo).hexdigest() for photo in photos]
    lists = [digests, sorted(digests), list(selection.forget), list(selection.held_out)]
    for found in (*digests, *selection.forget, *selection.held_out):
        assert found not in data
        assert sha256(found.encode()) not in data
    for listed in lists:  # without the salt no list of photos gives a digest that is there
        for document in ({"photos": listed}, {"forget": listed}, {"held_out": listed}):
            assert sha256(canonical(document)) not in data
    # The same photos in another ticket have other digests.
    one, other = (publisher.record.certificates.check(ticket) for ticket in (first, second))
    for what in ("photos", "forget_photos", "held_out_photos"):
        assert one[what] != other[what]
    assert len({one[what] for what in ("photos", "forget_photos", "held_out_photos")}) == 3
    # And the salt is gone with them.
    assert list(publisher.record.objects.names(f"tickets/{first}/photos/")) == []
