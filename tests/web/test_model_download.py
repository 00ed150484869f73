"""Packs: the file where its consumer looks for it, its digest beside it, and who took it."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.accounts.users import Role
from storage.audit.entry import Act
from storage.models.registry import Model, Version
from storage.record import Record
from storage.tickets.ticket import Ticket
from tests.web.conftest import MODEL, SUBJECT, Visitor
from tests.web.model_line import Line

Visit = Callable[[Role], Visitor]
WEIGHTS = bytes(range(256)) * 12_000  # 3 MB: several pieces


def imported(record: Record, path: Path, name: str) -> Version:
    """A model whose manifest says that it was imported from a file of this name."""
    record.models.create(Model(MODEL, "reference", "benchmark"))
    with record.leases.hold("model", MODEL) as lease:
        assert lease is not None
        files, made_by = {"model.onnx": path}, {"import": name}
        version = record.models.publish(MODEL, files, made_by, parent=None, lease=lease)
        record.models.point(MODEL, "current", version, "ada", lease)
    return version


@pytest.fixture
def deployed(record: Record, tmp_path: Path) -> Version:
    """The recognition file of InsightFace's buffalo_l, by its name."""
    path = tmp_path / "w600k_r50.onnx"
    path.write_bytes(WEIGHTS)
    return imported(record, path, path.name)


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("kind=insightface", "buffalo_l/w600k_r50.onnx"),
        ("kind=insightface&folder=our_pack", "our_pack/w600k_r50.onnx"),
        ("kind=immich", "facial-recognition/buffalo_l/recognition/model.onnx"),
        ("kind=frigate&folder=ignored", "facedet/arcface.onnx"),
        ("kind=onnx", "w600k_r50.onnx"),
    ],
)
def test_a_pack_holds_the_file_where_its_consumer_finds_it(
    visit: Visit, deployed: Version, query: str, place: str
) -> None:
    answer = visit(Role.AUDITOR).get(f"/models/{deployed.model}/versions/1/pack.zip?{query}")
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["README.txt", "SHA256SUMS", place]
        assert archive.read(place) == WEIGHTS
        assert archive.getinfo(place).compress_type == zipfile.ZIP_STORED
        digest = hashlib.sha256(WEIGHTS).hexdigest()
        assert archive.read("SHA256SUMS").decode() == f"{digest}  {place}\n"
        readme = archive.read("README.txt").decode()
    assert digest in readme
    assert "Galleries" in readme


def test_who_took_which_version_is_in_the_audit_log(
    visit: Visit, record: Record, deployed: Version
) -> None:
    visit(Role.APPROVER).get(f"/models/{MODEL}/versions/1/pack.zip?kind=immich")
    entry = record.audit.newest(Act.VERSION_DOWNLOADED)
    assert entry is not None
    assert (entry.actor, entry.about) == ("approver", MODEL)
    assert entry.facts == {
        "version": 1,
        "form": "immich",
        "sha256": deployed.files["model.onnx"],
        "current": True,
    }


@pytest.mark.parametrize(
    "folder", ["../../etc", "a/b", "..", "a" * 65, "x\r\nX-Evil: 1", ".hidden"]
)
def test_a_folder_that_leaves_the_pack_is_refused(
    visit: Visit, deployed: Version, folder: str
) -> None:
    answer = visit(Role.ADMIN).get(
        f"/models/{deployed.model}/versions/1/pack.zip",
        query_string={"kind": "insightface", "folder": folder},
    )
    assert answer.status_code == 400
    assert "X-Evil" not in answer.headers


def test_a_name_that_would_leave_the_pack_is_replaced_by_the_model_s(
    visit: Visit, record: Record, tmp_path: Path
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"weights")
    imported(record, path, "../../x.onnx")
    answer = visit(Role.ADMIN).get(f"/models/{MODEL}/versions/1/pack.zip?kind=onnx")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.namelist()[-1] == f"{MODEL}.onnx"


def test_an_older_version_says_whom_it_still_recognises(
    visit: Visit,
    record: Record,
    model: Version,
    tmp_path: Path,
    submitted: Callable[..., Ticket],
) -> None:
    Line(record, tmp_path, submitted).forget(model)
    audrey = visit(Role.AUDITOR)
    page = audrey.get(f"/models/{MODEL}/versions/1/download").text
    assert "still recognises 1 subject whom another one forgets" in page
    assert SUBJECT in page
    second = audrey.get(f"/models/{MODEL}/versions/2/download").text
    assert "This version still recognises" not in second
    answer = audrey.get(f"/models/{MODEL}/versions/1/pack.zip?kind=onnx")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        readme = archive.read("README.txt").decode()
    assert "still recognises a subject whom another version forgets" in readme
    assert SUBJECT not in readme  # it goes out of the house


def test_a_file_that_was_altered_in_the_store_is_not_sent(
    visit: Visit, record: Record, deployed: Version
) -> None:
    record.objects.put(deployed.object("model.onnx"), b"other weights")
    answer = visit(Role.ADMIN).get(f"/models/{MODEL}/versions/1/pack.zip?kind=onnx")
    assert answer.status_code == 500
    assert b"other weights" not in answer.data
