"""What the store sends altered, halved or cut is refused by its name, and never used."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from lethe.stack.process import free_port
from lethe.stack.servers import start_s3
from storage.accounts.users import Role
from storage.canonical import Corrupt
from storage.certificates.issued import Signer, issue
from storage.errors import LetheError
from storage.faces.sets import FaceSet
from storage.models.registry import Version
from storage.queue import Queue
from storage.record import Record
from storage.settings import Settings
from storage.store.objects import ObjectStore, StoreUnavailable
from storage.tickets.desk import Desk
from storage.tickets.photos import Selection
from tests.faults.proxy import Fault, Proxy
from tests.storage import bodies, pictures
from tests.storage.conftest import MODEL, request_for

REPORT = b"<!doctype html><p>a report of some length</p>"


@dataclass(frozen=True)
class Scene:
    """One of everything that is kept."""

    ticket: str
    version: Version
    faces: FaceSet
    crop: str
    folder: Path


@pytest.fixture
def scene(record: Record, publish: Callable[..., Version], signer: Signer, tmp_path: Path) -> Scene:
    version = publish(data=secrets.token_bytes(5000))
    ticket = (
        Desk(record, Queue(record.settings)).submit(request_for(), pictures.photos(3), "ada").id
    )
    crop = record.photos.keep_crop(ticket, np.asarray(pictures.picture(), dtype=np.uint8))
    record.photos.keep_selection(ticket, Selection((crop,), (crop,), ()))
    faces = record.faces.add("benchmark", {"Ann": [photo.data for photo in pictures.photos(1)]})
    certificate = issue(bodies.body(ticket=ticket), signer)
    record.certificates.keep(ticket, certificate, REPORT, signer)
    record.users.add("ada", Role.ADMIN, "a long password")
    return Scene(ticket, version, faces, crop, tmp_path / "pulled")


# what is read: the object that the fault happens to, and who reads it
READS: dict[str, tuple[str, Callable[[Record, Scene], object]]] = {
    "event": (r"/events/000001", lambda record, at: record.tickets.load(at.ticket)),
    "manifest of photos": (
        r"photos/manifest\.json",
        lambda record, at: record.photos.all(at.ticket),
    ),
    "photo": (r"photos/[0-9a-f]{64}$", lambda record, at: record.photos.all(at.ticket)),
    "crop": (r"photos/crops/", lambda record, at: record.photos.crop(at.ticket, at.crop)),
    "selection": (r"selection\.json", lambda record, at: record.photos.selection(at.ticket)),
    "model": (r"/model\.json", lambda record, _: record.models.get(MODEL)),
    "version": (r"000001/manifest\.json", lambda record, _: record.models.version(MODEL, 1)),
    "alias": (r"/aliases/current/0", lambda record, _: record.models.find(MODEL)),
    "model's file": (r"/model\.onnx", lambda record, at: record.models.pull(at.version, at.folder)),
    "face set": (r"/index\.json", lambda record, _: record.faces.get("benchmark")),
    "face": (r"/Ann/", lambda record, at: list(record.faces.photos(at.faces, "Ann"))),
    "user": (r"users/ada", lambda record, _: record.users.get("ada")),
    "certificate": (
        r"certificates/t\w+\.json",
        lambda record, at: record.certificates.check(at.ticket),
    ),
    "report": (
        r"certificates/t\w+\.html",
        lambda record, at: record.certificates.report(at.ticket),
    ),
    "public key": (r"keys/", lambda record, at: record.certificates.check(at.ticket)),
}


def _refusals(record: Record, scene: Scene, proxy: Proxy, fault: Fault) -> dict[str, LetheError]:
    found = {}
    for what, (path, read) in READS.items():
        rule = proxy.on(fault, "GET", path)
        with pytest.raises(LetheError) as error:
            read(record, scene)
        proxy.clear()
        assert rule.hits == 1, what
        found[what] = error.value
    return found


def test_everything_is_read_through_a_network_without_faults(faulty: Record, scene: Scene):
    for what, (_, read) in READS.items():
        assert read(faulty, scene) is not None, what


@pytest.mark.parametrize("fault", [Fault.TRUNCATE, Fault.ALTER])
def test_every_object_that_comes_altered_or_halved_is_refused_by_its_name(
    faulty: Record, scene: Scene, proxy: Proxy, fault: Fault
):
    for what, error in _refusals(faulty, scene, proxy, fault).items():
        assert isinstance(error, Corrupt), (what, error)
        assert str(error).endswith("altered or damaged"), (what, error)
        assert len(str(error).splitlines()) == 1
    assert not scene.folder.exists() or list(scene.folder.iterdir()) == []


def test_an_object_whose_connection_is_cut_is_refused_by_its_name(
    faulty: Record, scene: Scene, proxy: Proxy
):
    for what, error in _refusals(faulty, scene, proxy, Fault.CUT_ANSWER).items():
        assert isinstance(error, StoreUnavailable), (what, error)
        assert len(str(error).splitlines()) == 1
    assert not scene.folder.exists() or list(scene.folder.iterdir()) == []


def test_a_file_that_was_there_stays_when_the_new_one_comes_altered(
    faulty: Record, proxy: Proxy, tmp_path: Path
):
    (tmp_path / "file").write_bytes(b"before")
    faulty.objects.put("some/file", b"after")
    proxy.on(Fault.ALTER, "GET", "some/file")
    with pytest.raises(Corrupt, match=r"^some/file: "):
        faulty.objects.get_file("some/file", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir() if "file" in path.name] == ["file"]


@pytest.mark.parametrize("fault", [Fault.TRUNCATE, Fault.CUT_ANSWER])
def test_half_a_list_of_objects_is_refused_not_taken_for_the_whole(
    faulty: Record, scene: Scene, proxy: Proxy, fault: Fault
):
    proxy.on(fault, "GET", "list-type=2")
    for read in (
        lambda: faulty.tickets.load(scene.ticket),
        lambda: faulty.models.numbers(MODEL),
        lambda: faulty.tickets.recorded(),
        lambda: faulty.photos.left(scene.ticket),
        lambda: faulty.photos.remove(scene.ticket),
    ):
        with pytest.raises(StoreUnavailable) as error:
            read()
        assert len(str(error.value).splitlines()) == 1


def test_a_damaged_event_fails_the_verification_of_the_ledger_by_name(
    faulty: Record, scene: Scene, proxy: Proxy
):
    proxy.on(Fault.ALTER, "GET", "/events/000001")
    broken = faulty.ledger.verify().broken
    assert any(line.startswith(f"tickets/{scene.ticket}/events/000001") for line in broken)


def test_a_server_that_forgot_the_digests_is_checked_by_its_etags(
    settings: Settings, tmp_path: Path
):
    """rclone keeps what comes with an object in memory alone."""
    key, port = settings.s3_secret_key.get_secret_value(), free_port()
    arguments = (tmp_path / "s3", tmp_path / "log", port, settings.s3_access_key, key)
    server = start_s3(*arguments)
    proxy = Proxy(f"http://127.0.0.1:{port}")
    try:
        own = settings.model_copy(update={"s3_endpoint": proxy.url})
        store = ObjectStore.from_settings(own)
        store.ensure_bucket()
        store.put("some/object", b"as it was written")
        server.stop()
        server = start_s3(*arguments)
        assert store.get("some/object") == b"as it was written"
        for fault in (Fault.TRUNCATE, Fault.ALTER):
            proxy.on(fault, "GET", "some/object")
            with pytest.raises(Corrupt, match=r"^some/object: has MD5 .* altered or damaged"):
                store.get("some/object")
            proxy.clear()
    finally:
        proxy.stop()
        server.stop()
