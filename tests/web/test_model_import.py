"""Imports: what the form takes, what it refuses in a line, and what its page then says."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from storage import object_names
from storage.accounts.users import Role
from storage.models.imports import Import
from storage.models.registry import Version
from storage.queue import CPU, Queue
from storage.record import Record
from storage.settings import Settings
from tests.web.conftest import MODEL, Visitor, jpeg

Visit = Callable[[Role], Visitor]
FORM = "/imports/new"


@pytest.fixture(autouse=True)
def face_sets(record: Record) -> None:
    for number, name in enumerate(("reference", "benchmark")):
        record.faces.add(name, {f"person {number}": [jpeg(number)]})


def entered(**changed: object) -> dict[str, object]:
    form: dict[str, object] = {
        "name": MODEL,
        "reference": "reference",
        "benchmark": "benchmark",
        "file": (io.BytesIO(b"a model"), "w600k_r50.onnx"),
    }
    return {name: value for name, value in (form | changed).items() if value is not None}


def imports(record: Record) -> list[Import]:
    return record.imports.recent(100)


def test_an_upload_is_kept_with_who_gave_it_before_the_page_says_so(
    visit: Visit, record: Record, settings: Settings
) -> None:
    ada = visit(Role.ADMIN)
    answer = ada.post(FORM, entered(), form=FORM)
    assert answer.status_code == 303
    (found,) = imports(record)
    assert (found.model.name, found.file, found.actor) == (MODEL, "w600k_r50.onnx", "admin")
    assert record.objects.get(object_names.import_file(found.id), found.sha256) == b"a model"
    assert Queue(settings).length(CPU) == 1
    assert answer.location == f"/imports/{found.id}"
    assert "The next free worker checks it" in ada.get(answer.location).text
    assert ada.get(f"{answer.location}/state").get_json()["state"] == "waiting"
    with record.leases.hold("import", found.id):
        assert ada.get(f"{answer.location}/state").get_json()["state"] == "checking"


def test_how_it_ended_is_on_its_page(visit: Visit, record: Record) -> None:
    ada = visit(Role.ADMIN)
    path = ada.post(FORM, entered(), form=FORM).location
    (found,) = imports(record)
    record.imports.end(found.id, refusal="w600k_r50.onnx: <b>no</b> operator Foo")
    assert "w600k_r50.onnx: &lt;b&gt;no&lt;/b&gt; operator Foo" in ada.get(str(path)).text
    assert not record.objects.exists(object_names.import_file(found.id))
    assert "Refused" in ada.get(FORM).text


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"name": "Door Cameras"}, "Model name &#39;Door Cameras&#39;: use 1 to 64"),
        ({"name": "../etc"}, "Model name &#39;../etc&#39;: use 1 to 64"),
        ({"reference": "nobody"}, "Face set nobody: there is none"),
        ({"file": (io.BytesIO(b""), "m.onnx")}, "M.onnx: holds 0 bytes"),
        (
            {"file": (io.BytesIO(b"x"), "model.pt")},
            "File &#39;model.pt&#39;: a model file is named",
        ),
        ({"file": None}, "Choose a file to upload"),
        ({"file": None, "path": "m.onnx"}, "No import folder is set"),
        ({"path": "m.onnx"}, "one of both"),
    ],
)
def test_what_cannot_be_imported_is_refused_in_a_line_and_the_form_stays_filled(
    visit: Visit, record: Record, changed: dict[str, object], line: str
) -> None:
    answer = visit(Role.ADMIN).post(FORM, entered(**changed), form=FORM)
    assert answer.status_code == 422
    assert line in answer.text
    assert imports(record) == []
    assert "<option selected>benchmark" in answer.text


def test_a_name_that_is_taken_is_refused(visit: Visit, record: Record, model: Version) -> None:
    answer = visit(Role.ADMIN).post(FORM, entered(name=model.model), form=FORM)
    assert answer.status_code == 422
    assert "exists already" in answer.text
    assert imports(record) == []


def test_the_name_of_an_upload_loses_its_path_and_what_is_not_plain(
    visit: Visit, record: Record
) -> None:
    file = (io.BytesIO(b"a model"), "..\\..\\etc/<script>модель.onnx")
    visit(Role.ADMIN).post(FORM, entered(file=file), form=FORM)
    (found,) = imports(record)
    assert found.file == "_script_.onnx"


def test_nobody_but_an_admin_imports(visit: Visit, record: Record) -> None:
    for role in (Role.REQUESTER, Role.APPROVER, Role.AUDITOR):
        visitor = visit(role)
        assert visitor.get(FORM).status_code == 403
        assert visitor.post(FORM, entered()).status_code == 403
    assert list(record.objects.names(object_names.IMPORTS)) == []


class TestWithAnImportFolder:
    @pytest.fixture
    def settings(self, settings: Settings, tmp_path: Path) -> Settings:
        return settings.model_copy(update={"import_dir": tmp_path, "model_bytes": 1000})

    def test_a_file_in_it_is_asked_for_by_its_name(self, visit: Visit, record: Record) -> None:
        form = entered(file=None, path="w600k_r50.onnx")
        assert visit(Role.ADMIN).post(FORM, form, form=FORM).status_code == 303
        (found,) = imports(record)
        assert (found.source, found.file, found.sha256) == ("folder", "w600k_r50.onnx", None)

    @pytest.mark.parametrize(
        "path", ["../secret.onnx", "/etc/passwd.onnx", "a/b.onnx", "..onnx", "a\nb.onnx", "passwd"]
    )
    def test_a_name_that_leaves_it_is_refused(
        self, visit: Visit, record: Record, path: str
    ) -> None:
        answer = visit(Role.ADMIN).post(FORM, entered(file=None, path=path), form=FORM)
        assert answer.status_code == 422
        assert imports(record) == []

    def test_a_file_over_the_limit_is_refused_and_not_kept(
        self, visit: Visit, record: Record
    ) -> None:
        ada = visit(Role.ADMIN)
        over = entered(file=(io.BytesIO(bytes(1001)), "m.onnx"))
        answer = ada.post(FORM, over, form=FORM)
        assert answer.status_code == 422
        assert "holds 1001 bytes; a model file has 1 to 1000" in answer.text
        huge = entered(file=(io.BytesIO(bytes(3 * 2**20)), "m.onnx"))
        answer = ada.post(FORM, huge, form=FORM)
        assert answer.status_code == 413
        assert "The model file is larger than" in answer.text
        assert list(record.objects.names(object_names.IMPORTS)) == []
