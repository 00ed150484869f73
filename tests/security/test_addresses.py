"""Hostile parts and parameters of addresses: paths that climb, headers that split, other sites."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from urllib.parse import quote, urlsplit

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from storage import names, object_names
from storage.accounts.roles import Role
from storage.names import BadName
from tests.security.conftest import House, form_token
from tests.security.walk import addresses
from tests.web.api.conftest import Caller
from tests.web.conftest import PASSWORD, Visitor, jpeg
from web.inside import inside

HOSTILE = (
    "..", "..%2f..%2f..%2fetc%2fpasswd", "a%0d%0aX-Injected:%201", "a%00b", "../../etc/passwd",
    30 * "9", "%ff", "lethe:*", 1000 * "a",
)  # fmt: skip
ELSEWHERE = (
    "//evil.example", "///evil.example", "https://evil.example", "https:evil.example",
    "/\\evil.example", "\\\\evil.example", 
    "/\tevil.example", "/\t/evil.example", "\t//evil.example",
    " //evil.example", "//evil.example/%2e%2e", "javascript:alert(1)", "/%0d%0aLocation:x\r\nX: y",
    "//user@evil.example", "http:///evil.example", "/\u2028/evil.example", "https://[evil",
)  # fmt: skip


def check(answer: TestResponse, where: object) -> None:
    assert answer.status_code < 500, where
    assert "root:" not in answer.text, where
    for name, value in answer.headers:
        assert not {"\r", "\n"} & set(name + value), where
        assert name != "X-Injected", where
    stays(answer, where)


def stays(answer: TestResponse, where: object) -> None:
    """It leads to no other site: browsers take a backslash for a slash, and leave out tabs."""
    place = "".join(answer.headers.get("Location", "/").split()).replace("\\", "/")
    assert place.startswith("/"), where
    assert not place.startswith("//"), where
    assert not urlsplit(place).netloc, where


@pytest.mark.parametrize("role", [Role.ADMIN, None], ids=["admin", "stranger"])
def test_no_part_of_an_address_gets_further_than_its_check(
    app: Flask,
    visit: Callable[..., Visitor],
    call: Callable[..., Caller],
    house: House,
    role: Role | None,
) -> None:
    visitor = visit(role) if role else Visitor(app.test_client())
    token = form_token(visitor) if role else ""
    bearer = {"Authorization": f"Bearer {call(Role.ADMIN).secret}"} if role else {}
    before, failed = house.objects(), []
    for address in addresses(app):
        for part in address.parts:
            for value in HOSTILE if role and address.method == "GET" else HOSTILE[:5]:
                quoted = value if "%" in value else quote(value, safe="/\\.*")
                path = address.path({**house.of(address.endpoint), part: quoted})
                api = address.endpoint.startswith("api.")
                data = {"csrf_token": token} if not api else None
                answer = visitor.client.open(
                    path,
                    method=address.method,
                    data=data,
                    headers=bearer if api else {},
                    buffered=True,
                )
                if answer.status_code >= 500:
                    failed.append(f"{address.endpoint} {address.method} {path[:80]}")
                    continue
                check(answer, path)
                assert answer.status_code != 200 or address.method == "GET", path
    assert failed == []
    assert house.objects() == before


def test_every_part_that_becomes_a_key_is_checked_before_it_does() -> None:
    checks = (names.model_name, names.face_set_name, names.user_name, names.ticket_id,
              names.import_id, names.api_token_id, names.model_file, names.person_name,
              names.subject_reference, names.new_user_name)  # fmt: skip
    for check_name in checks:
        for value in (*HOSTILE, "", "\n", "a\n", "a\x00", "\ud800", "lethe:users", "x" * 5000):
            try:
                found = check_name(value)
            except BadName:
                continue
            assert not {"/", "\\", "\n", "\x00", ":", "*"} & set(found), (check_name, value)
            assert ".." not in object_names.model(found)


def test_no_parameter_leads_to_another_site(app: Flask, visit: Callable[..., Visitor]) -> None:
    admin = visit(Role.ADMIN)
    for target in ELSEWHERE:
        _leads_nowhere(app, admin, target)


def _leads_nowhere(app: Flask, admin: Visitor, target: str) -> None:
    stranger = Visitor(app.test_client())
    wanted = {"next": target, "back": target, "url": target, "redirect_uri": target}
    for visitor in (admin, stranger):
        for path in ("/sign-in", "/sign-in/code", "/tickets", "/sign-in/oidc", "/", "/language"):
            answer = visitor.get(path, query_string=wanted)
            stays(answer, path)
            assert f'value="{target}"' not in answer.text, path
    sent = wanted | {"name": "admin", "password": PASSWORD, "language": "ru", "step": "deny"}
    answers = [
        stranger.post("/language", sent, form="/sign-in"),
        stranger.post("/sign-in", sent, form="/sign-in"),
        admin.post("/tickets/bulk", sent, form="/account"),
    ]
    assert [answer.status_code for answer in answers] == [303, 303, 303]
    assert {answer.headers["Location"] for answer in answers} == {"/"}


def test_a_page_that_was_asked_for_before_the_sign_in_is_where_it_leads(app: Flask) -> None:
    """What is ours is kept; else the check above could hold by keeping nothing."""
    with app.test_request_context():
        assert inside("/tickets?state=failed") == "/tickets?state=failed"
        assert {inside(target) for target in ELSEWHERE} == {"/"}


def test_what_is_sent_back_in_a_header_splits_none(
    app: Flask, visit: Callable[..., Visitor], house: House
) -> None:
    admin, split = visit(Role.ADMIN), "x\r\nX-Injected: 1"
    for path in (
        f"/models/{house.parts['name']}/versions/1/pack.zip?kind=insightface&folder={{}}",
        "/tickets.csv?q={}", "/audit.csv?actor={}",
    ):  # fmt: skip
        check(admin.get(path.replace("{}", quote(split)), buffered=True), path)
    admin.client.set_cookie("language", quote(split))
    given = {"Accept-Language": "x;q=🙂", "X-Request-Id": "1", "Range": "bytes=9-1,0-"}
    for address in addresses(app):
        if address.method == "GET":
            path = address.path(house.of(address.endpoint))
            check(admin.get(path, headers=given, buffered=True), path)


def test_names_of_uploads_name_no_object_and_no_file(house: House) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for number, name in enumerate(("../../../evil.jpg", "/etc/evil.jpg", "C:\\evil.jpg")):
            file.writestr(name, jpeg(40 + number))
    path, before = f"/tickets/drafts/{house.draft}/photos", set(house.objects())
    climbing = {"photos": [(io.BytesIO(archive.getvalue()), "../../evil.zip")]}
    answer = house.owner.post(path, climbing, form="/account")
    assert "leads out of the archive" in answer.json["not_taken"][0]["text"]
    assert set(house.objects()) == before
    plain = {"photos": [(io.BytesIO(jpeg(50)), "../../etc/evil.jpg")]}
    answer = house.owner.post(path, plain, form="/account")
    assert {photo["name"] for photo in answer.json["photos"]} == {"IMG_7.jpg", "evil.jpg"}
    (made,) = set(house.objects()) - before
    assert made.startswith(object_names.photos(house.draft))
    assert "evil" not in made
