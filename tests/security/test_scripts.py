"""Markup in whatever people and programs can write: shown as text, on every page."""

from __future__ import annotations

import ast
import io
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Request, request
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.test import TestResponse

from storage.accounts.roles import Role
from storage.models.desk import ModelDesk
from storage.models.registry import Model
from storage.record import Record
from storage.tickets.photos import Photo, Selection
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from tests.security.conftest import OWNER, House, form_token
from tests.security.walk import addresses
from tests.web.conftest import MODEL, Visitor, jpeg

# A tag, an attribute in either kind of quotes or in none, a template, a URL that runs.
MARKUP = """'"><xss7 a=b onxss7=1 `{{7*191}}${7*191} javascript:xss7"""
FILE = MARKUP.replace('"', "")  # the client of these tests does not quote names of files
WEB = Path(__file__).parents[2] / "web"
RUNS = re.compile(r"\s*(javascript|data|vbscript):", re.IGNORECASE)


class _Page(HTMLParser):
    """What a browser would make of a page, as far as it runs something or leads elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.leads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "xss7" or any(name.startswith("on") or name == "style" for name in given):
            self.found.append(f"<{tag} {given}>")
        if tag in {"script", "style"} and "src" not in given:
            self.found.append(f"<{tag}>")
        for name in ("href", "src", "action", "formaction", "poster", "data"):
            if name in given:
                self.leads.append(given[name])


def check(answer: TestResponse, where: object) -> None:
    """Nothing of it runs, and nothing of it was planted."""
    kind = answer.headers.get("Content-Type", "")
    assert answer.headers["X-Content-Type-Options"] == "nosniff", where
    if not kind.startswith(("text/html", "image/svg")):
        return
    text = answer.get_data(as_text=True)
    assert "1337" not in text, where  # a template of ours ran it
    page = _Page()
    page.feed(text)
    assert page.found == [], where
    assert not [lead for lead in page.leads if RUNS.match(lead)], where


def pages_of(app: Flask, house: House, visitor: Visitor) -> Iterator[tuple[str, TestResponse]]:
    for address in addresses(app):
        if address.method == "GET" and address.endpoint != "static":
            path = address.path(house.of(address.endpoint))
            yield path, visitor.get(path, buffered=True)


@pytest.fixture
def planted(
    visit: Callable[..., Visitor],
    record: Record,
    house: House,
    submitted: Callable[..., Ticket],
) -> House:
    """Markup wherever the house takes a text; through the pages, where they take it."""
    admin, rita, ticket = visit(Role.ADMIN), house.owner, house.parts["ticket"]
    selection = Selection((), (), ((f"{MARKUP}.jpg", MARKUP, MARKUP),))
    record.photos.keep_selection(ticket, selection)
    photos = [(io.BytesIO(jpeg(seed)), f"{FILE}{seed}.jpg") for seed in (21, 22, 23)]
    fields = dict.fromkeys(("model", "subject", "legal_ground", "deadline"), MARKUP)
    sent = fields | {"reason": MARKUP, "person": MARKUP, "face_set": MARKUP}
    rita.post(f"/tickets/drafts/{house.draft}/fields", fields, form="/account")
    added = rita.post(f"/tickets/drafts/{house.draft}/photos", {"photos": photos}, form="/account")
    assert "<xss7 a=b" in str(added.json)
    record.drafts.add(house.draft, OWNER, [Photo(f"{MARKUP}.jpg", jpeg(24))])
    for step in ("deny", "cancel"):
        path = f"/tickets/{submitted(OWNER).id}/{step}"
        assert admin.post(path, {"reason": MARKUP}, form="/account").status_code == 303
    path = f"/tickets/{ticket}/extend"
    extended = {"reason": MARKUP, "deadline": record.tickets.get(ticket).deadline}
    admin.post(path, extended, form="/account")
    failed = submitted(OWNER, then=[State.APPROVED])
    record.tickets.move(failed.id, State.FAILED, MARKUP[:60], note=MARKUP)
    house.parts["other"] = failed.id
    rita.client.get("/account", headers={"User-Agent": f"Firefox/1 {MARKUP}"})
    ModelDesk(record).settle(MODEL, MARKUP, approval="by-hand", publish_as="candidate")
    given = record.imports.name(Model("imported", "a", "b"), "x.onnx", MARKUP)
    record.imports.end(given.id, refusal=MARKUP)
    house.parts["import_id"] = given.id
    for path in ("/tickets/new", "/users", "/account/tokens", "/imports/new", "/account/password"):
        answer = admin.post(path, {**sent, "name": MARKUP, "days": MARKUP}, form="/account")
        check(answer, path)
    return house


def test_what_was_written_anywhere_is_text_on_every_page(
    app: Flask, visit: Callable[..., Visitor], planted: House
) -> None:
    shown = 0
    for visitor in (visit(Role.ADMIN), planted.owner):
        for path, answer in pages_of(app, planted, visitor):
            check(answer, path)
            shown += "&lt;xss7" in answer.text
        other = visitor.get(f"/tickets/{planted.parts['other']}")
        check(other, "a failed ticket")
        shown += "&lt;xss7" in other.text
    assert shown >= 6  # it is there, and it is text


def test_what_stands_in_an_address_is_text_on_every_page(
    app: Flask, visit: Callable[..., Visitor], house: House
) -> None:
    """Every parameter that a page looks at, found by watching it look."""
    looked: defaultdict[str, set[str]] = defaultdict(set)

    class Watching(ImmutableMultiDict[str, str]):
        def get(self, key: str, *more: Any, **options: Any) -> Any:
            looked[request.endpoint or ""].add(key)
            return super().get(key, *more, **options)

        def getlist(self, key: str, *more: Any, **options: Any) -> Any:
            looked[request.endpoint or ""].add(key)
            return super().getlist(key, *more, **options)

    class Watched(Request):
        parameter_storage_class = Watching  # type: ignore[assignment]

    usual, app.request_class = app.request_class, Watched
    visitors = (visit(Role.ADMIN), Visitor(app.test_client()))
    asked = [each for each in addresses(app) if each.method == "GET" and each.parts != {"filename"}]
    for visitor in visitors:
        for address in asked:
            visitor.get(address.path(house.of(address.endpoint)), buffered=True)
    app.request_class = usual
    found = set().union(*looked.values())
    assert {"q", "after", "before", "next", "state", "kind", "actor", "day"} <= found
    for address in asked:
        path = address.path(house.of(address.endpoint))
        for name in looked[address.endpoint] | {"x"}:
            for visitor in visitors:
                answer = visitor.get(path, query_string={name: MARKUP}, buffered=True)
                assert answer.status_code < 500, (path, name)
                check(answer, (path, name))


def test_a_part_of_an_address_is_text_on_the_page_that_says_there_is_none(
    app: Flask, visit: Callable[..., Visitor], house: House
) -> None:
    admin = visit(Role.ADMIN)
    token = form_token(admin)
    for address in addresses(app):
        for part in address.parts:
            path = address.path({**house.of(address.endpoint), part: "%3Cxss7 a%3Db%3E"})
            data = {"csrf_token": token}
            answer = admin.client.open(path, method=address.method, data=data, buffered=True)
            assert 400 <= answer.status_code < 500 or address.endpoint == "static", path
            check(answer, path)


def test_no_lazy_text_takes_what_somebody_wrote() -> None:
    """Flask-Babel's lazy texts say of themselves that they are markup: Jinja escapes none.

    What `str` makes of one at once is a text as any other.
    """
    for file in WEB.rglob("*.py"):
        tree = ast.parse(file.read_text())
        lazy = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "flask_babel"
            for alias in node.names
            if alias.name.startswith("lazy_")
        }
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        plain = [given for call in calls if _called(call) == "str" for given in call.args]
        for node in calls:
            if _called(node) in lazy and node not in plain:
                assert all(isinstance(given, ast.Constant) for given in node.args), file
                assert not node.keywords, f"{file}:{node.lineno}"


def _called(node: ast.Call) -> str:
    return getattr(node.func, "id", "")


def test_no_template_marks_as_safe_what_is_not_its_own() -> None:
    for file in (WEB / "templates").rglob("*"):
        text = file.read_text()
        assert "autoescape" not in text, file
        for found in re.findall(r"([^{%]*)\|\s*safe", text):
            assert re.search(r'="<code>[a-zA-Z _-]+</code>"$', found), (file, found)
