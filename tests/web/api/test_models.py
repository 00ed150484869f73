"""Models, face sets, users and the audit log by the API."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.accounts.users import Role
from storage.audit.log import Act, Filter
from storage.models.desk import ModelDesk, PolicyMoved
from storage.models.registry import Version
from storage.record import Record
from tests.web.api.conftest import Caller
from tests.web.conftest import MODEL, jpeg, publish


def test_the_line_of_versions_is_shown_with_its_digests_and_aliases(
    call: Callable[..., Caller], record: Record, model: Version, tmp_path: Path
) -> None:
    second = publish(record, tmp_path, b"second version", parent=model)
    caller = call(Role.AUDITOR)
    assert caller.get("/models").json["items"] == [
        {"name": MODEL, "versions": 2, "aliases": {"current": 2}}
    ]
    first_page = caller.get(f"/models/{MODEL}/versions?limit=1").json
    rest = caller.get(first_page["next"].removeprefix("/api/v1")).json
    (newest,), (oldest,) = first_page["items"], rest["items"]
    assert (newest["digest"], newest["parent"]) == (second.digest, model.digest)
    assert (oldest["digest"], oldest["aliases"], rest["next"]) == (model.digest, [], None)
    assert caller.get(f"/models/{MODEL}/versions/2").json == newest
    shown = caller.get(f"/models/{MODEL}").json
    assert (shown["aliases"], shown["policy"]["approval"]) == ({"current": 2}, "by-hand")


def test_a_version_is_made_current_only_instead_of_the_one_that_the_caller_knows(
    call: Callable[..., Caller], record: Record, model: Version, tmp_path: Path
) -> None:
    publish(record, tmp_path, b"second version", parent=model)
    caller = call(Role.APPROVER)
    late = caller.post(f"/models/{MODEL}/rollback", {"instead_of": 1})
    assert (late.status_code, record.models.aliases(MODEL)) == (409, {"current": 2})
    assert caller.post(f"/models/{MODEL}/rollback", {"instead_of": 2}).json["number"] == 1
    assert caller.post(f"/models/{MODEL}/promote", {"version": 2}).json["aliases"] == ["current"]
    moves = caller.get(f"/models/{MODEL}/moves").json["items"]
    assert [(move["version"], move["reason"], move["actor"]) for move in moves[:2]] == [
        (2, "promoted", "approver"),
        (1, "rolled back", "approver"),
    ]


@pytest.mark.usefixtures("model")
def test_a_policy_that_somebody_changed_meanwhile_is_not_overruled(
    call: Callable[..., Caller], record: Record
) -> None:
    caller, path = call(Role.ADMIN), f"/models/{MODEL}/policy"
    read = caller.get(path)
    body = {"approval": "automatic", "publish_as": "candidate"}
    headers = {"If-Match": read.headers["ETag"]}
    settled = caller.open("PUT", path, json=body, headers=headers)
    assert (settled.status_code, settled.json) == (200, body)
    assert settled.headers["ETag"] == caller.get(path).headers["ETag"]
    again = {"approval": "by-hand", "publish_as": "current"}
    assert caller.open("PUT", path, json=again, headers=headers).status_code == 412
    assert record.models.policy(MODEL).publish_as == "candidate"
    assert caller.open("PUT", path, json=again).status_code == 200


@pytest.mark.usefixtures("model")
def test_of_many_who_change_a_policy_that_they_all_read_one_alone_does(
    call: Callable[..., Caller], record: Record
) -> None:
    path = f"/models/{MODEL}/policy"
    callers = [call(Role.ADMIN, f"admin{number}") for number in range(6)]
    headers = {"If-Match": callers[0].get(path).headers["ETag"]}
    body = {"approval": "automatic", "publish_as": "candidate"}
    with ThreadPoolExecutor(len(callers)) as pool:
        sent = [pool.submit(one.open, "PUT", path, json=body, headers=headers) for one in callers]
    statuses = [each.result().status_code for each in sent]
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 409, 412}
    assert len(record.audit.page(Filter(act=Act.POLICY_CHANGED), None, 10)) == 1


@pytest.mark.usefixtures("model")
def test_a_policy_changed_since_it_was_read_stays_as_it_was_changed(record: Record) -> None:
    desk, read = ModelDesk(record), record.models.policy(MODEL)
    changed = desk.settle(MODEL, "grace", approval="automatic")
    with pytest.raises(PolicyMoved, match="somebody changed its policy"):
        desk.settle(MODEL, "root", publish_as="candidate", instead_of=read)
    assert record.models.policy(MODEL) == changed


def test_a_download_is_the_file_and_stands_in_the_audit_log(
    call: Callable[..., Caller], record: Record, model: Version
) -> None:
    caller = call(Role.AUDITOR)
    path = f"/models/{MODEL}/versions/1/model.onnx"
    answer = caller.get(path)
    assert answer.data == b"first version"
    assert answer.headers["ETag"] == f'"{model.files["model.onnx"]}"'
    assert caller.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    entries = caller.get("/audit-log?act=version_downloaded").json
    assert {item["actor"] for item in entries["items"]} == {"auditor"}
    assert entries["broken"] == []
    assert record.audit.page(Filter(act=Act.VERSION_DOWNLOADED), None, 1)


def test_the_ledger_is_verified_and_says_what_is_broken(
    call: Callable[..., Caller], record: Record, model: Version
) -> None:
    caller = call(Role.AUDITOR)
    found = caller.post("/ledger/verify").json
    assert (found["versions"], found["broken"]) == (1, [])
    record.objects.put(model.object("model.onnx"), b"altered")
    assert len(caller.post("/ledger/verify").json["broken"]) == 1


def test_who_is_enrolled_is_told_by_pages_to_those_who_submit(
    call: Callable[..., Caller], record: Record
) -> None:
    people = {f"person {number}": [jpeg(number)] for number in range(5)}
    record.faces.add("staff", people)
    caller = call(Role.REQUESTER)
    assert caller.get("/face-sets/staff").json["people"] == 5
    first = caller.get("/face-sets/staff/people?limit=3").json
    rest = caller.get(first["next"].removeprefix("/api/v1")).json
    assert [item["person"] for item in first["items"] + rest["items"]] == sorted(people)
    assert call(Role.AUDITOR).get("/face-sets/staff/people").status_code == 403


def test_an_admin_adds_changes_and_disables_accounts_and_stays_one(
    call: Callable[..., Caller], record: Record
) -> None:
    admin = call(Role.ADMIN)
    added = admin.post("/users", {"name": "nora", "role": "requester"})
    assert (added.status_code, added.headers["Location"]) == (201, "/api/v1/users/nora")
    assert admin.post("/users/nora/sign-in-link").json["address"].startswith("/sign-in/link/")
    changed = admin.open("PATCH", "/users/nora", json={"role": "auditor", "enabled": False})
    assert changed.json == {
        "name": "nora",
        "role": "auditor",
        "enabled": False,
        "second_factor": False,
    }
    assert [item["name"] for item in admin.get("/users").json["items"]] == ["admin", "nora"]
    last = admin.open("PATCH", "/users/admin", json={"role": "auditor"})
    assert last.status_code == 409
    user = record.users.get("admin")
    assert user is not None
    assert user.role is Role.ADMIN


def test_a_model_file_is_taken_for_import_and_its_stage_can_be_asked_for(
    call: Callable[..., Caller], record: Record
) -> None:
    record.faces.add("reference", {"a": [jpeg(1)]})
    record.faces.add("benchmark", {"b": [jpeg(2)]})
    admin = call(Role.ADMIN)
    data = {"name": "lobby", "file": (io.BytesIO(b"a network"), "net.onnx")}
    taken = admin.open("POST", "/imports", data=data)
    assert taken.status_code == 202
    assert (taken.json["stage"], taken.json["file"]) == ("waiting", "net.onnx")
    shown = admin.get(taken.headers["Location"].removeprefix("/api/v1"))
    assert shown.json == taken.json
    assert admin.open("POST", "/imports", data={"name": "lobby"}).status_code in {415, 422}
