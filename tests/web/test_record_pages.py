"""Models, face sets, users and the audit."""

from collections.abc import Callable
from pathlib import Path

import pytest

from storage import object_names
from storage.accounts.users import Role
from storage.models.registry import Model, Version
from storage.record import Record
from tests.web.conftest import MODEL, Visitor, publish
from web.models import index as models

Visit = Callable[[Role], Visitor]


def test_versions_are_shown_as_a_chain_and_a_torn_one_is_said(
    visit: Visit, record: Record, model: Version, tmp_path: Path
) -> None:
    second = publish(record, tmp_path, b"second version", parent=model)
    audrey = visit(Role.AUDITOR)
    page = audrey.get(f"/models/{MODEL}").text
    assert page.index(second.digest) < page.index(model.digest)
    assert "not in this line" not in page
    record.objects.remove_all(object_names.version(MODEL, 1))
    assert "not in this line" in audrey.get(f"/models/{MODEL}").text


def test_a_version_is_downloaded_byte_for_byte(visit: Visit, model: Version) -> None:
    answer = visit(Role.APPROVER).get(f"/models/{MODEL}/versions/{model.number}/model.onnx")
    assert answer.data == b"first version"
    assert answer.content_length == len(b"first version")
    assert f"{MODEL}-1.onnx" in answer.headers["Content-Disposition"]


def test_of_an_altered_version_not_one_byte_is_sent(
    visit: Visit, record: Record, model: Version
) -> None:
    record.objects.put(model.object("model.onnx"), b"backdoor")
    answer = visit(Role.APPROVER).get(f"/models/{MODEL}/versions/{model.number}/model.onnx")
    assert answer.status_code == 500
    assert "altered or damaged" in answer.text
    assert b"backdoor" not in answer.data


def test_users_are_listed(visit: Visit) -> None:
    page = visit(Role.ADMIN).get("/users").text
    assert "<strong>admin</strong>" in page
    assert "argon2" not in page


def test_a_model_names_the_verification_sets_that_it_is_measured_on(
    visit: Visit, record: Record
) -> None:
    record.models.create(Model("door", "reference", "benchmark", ("lfw", "agedb-30")))
    assert "<dd>lfw, agedb-30</dd>" in visit(Role.ADMIN).get("/models/door").text


def test_the_list_of_models_has_pages_too(
    visit: Visit, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "SHOWN", 2)
    for number in range(3):
        record.models.create(Model(f"gate-{number}", "reference", "benchmark"))
    audrey = visit(Role.AUDITOR)
    page = audrey.get("/models").text
    assert "/models/gate-1" in page
    assert "/models/gate-2" not in page
    assert "/models?after=gate-1" in page
    page = audrey.get("/models?after=gate-1").text
    assert "/models/gate-2" in page
    assert "/models/gate-1" not in page
    assert "No more models" in audrey.get("/models?after=zzz").text
