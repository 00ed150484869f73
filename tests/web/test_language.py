"""In which language pages answer, and that Russian ones are Russian from end to end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from flask import Flask
from werkzeug.routing import Rule

import web
from storage.accounts.users import Role
from storage.certificates.issued import Signer, write_new_key
from storage.models.registry import Version
from storage.record import Record
from storage.settings import Settings
from storage.tickets.events import Notice
from storage.tickets.photos import Selection
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from tests.web import texts
from tests.web.conftest import MODEL, Visitor, jpeg
from tests.web.test_certificate_page import WAY, completed
from web import filters, wording
from web.permissions import TABLE

S = State
Visit = Callable[..., Visitor]
RUSSIAN = {"Accept-Language": "ru-RU, en;q=0.5"}
CATALOGUE = Path(web.__file__).parent / "translations/ru/LC_MESSAGES/messages.po"
# Names and words that stay as they are: of products, headers, commands, and what is data here.
NAMES = re.compile(
    r"Google Authenticator|Face Detection|Facial Recognition|OpenID Connect|openid profile|"
    r"problem details|default, strict, seed|"
    r"\d+ per minute|It is as it should be"
)
DATA = frozenset({"reference", "benchmark", "default"})  # face sets and a policy
_ENGLISH = re.compile(r"[A-Za-z]{2,}[,:]? [a-z]{2,}")  # two words beside each other


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("", "en"),
        ("ru", "ru"),
        ("ru-RU", "ru"),
        ("ru-RU, en;q=0.5", "ru"),
        ("de-DE, ru;q=0.8, en;q=0.5", "ru"),
        ("en-GB, ru;q=0.8", "en"),
        ("de, fr;q=0.5", "en"),
        ("ru;q=0, *", "en"),
        (";;;,=," * 50, "en"),
    ],
)
def test_pages_answer_in_the_language_that_the_browser_likes_best(
    stranger: Visitor, asked: str, answered: str
) -> None:
    page = stranger.get("/sign-in", headers={"Accept-Language": asked} if asked else None).text
    assert f'<html lang="{answered}">' in page
    assert {"en": "<h1>Sign in</h1>", "ru": "<h1>Войти</h1>"}[answered] in page


def test_what_somebody_chose_comes_before_what_their_browser_asks_for(stranger: Visitor) -> None:
    page = stranger.get("/sign-in", headers=RUSSIAN).text
    assert 'aria-current="true">Русский</span>' in page
    assert 'name="language" value="en" lang="en">English</button>' in page
    stranger.post("/language", {"language": "en"}, form="/sign-in")
    assert '<html lang="en">' in stranger.get("/sign-in", headers=RUSSIAN).text
    stranger.client.set_cookie("language", "xx")
    assert '<html lang="ru">' in stranger.get("/sign-in", headers=RUSSIAN).text


def test_error_pages_are_in_the_readers_language_and_a_line_of_ours_says_that_it_is_english(
    visit: Visit, stranger: Visitor
) -> None:
    lost = stranger.get("/nowhere", headers=RUSSIAN)
    assert lost.status_code == 404
    assert "<h1>Не найдено</h1>" in lost.text
    page = visit(Role.AUDITOR).get("/models/no-such", headers=RUSSIAN).text
    assert "<h1>Не найдено</h1>" in page
    assert '<dd lang="en">Model no-such' in page


def test_programs_are_answered_in_english(visit: Visit, submitted: Callable[..., Ticket]) -> None:
    path = f"/api/v1/tickets/{submitted().id}/progress"
    answer = visit(Role.AUDITOR).get(path, headers=RUSSIAN)
    assert answer.status_code == 401
    assert answer.json is not None
    assert answer.json["title"] == "Sign in first"


def test_numbers_days_and_plurals_are_written_as_in_russian(
    app: Flask, submitted: Callable[..., Ticket]
) -> None:
    ticket = submitted()
    with app.test_request_context(headers=RUSSIAN):
        assert filters.number(1234567.5) == "1\xa0234\xa0567,5"
        assert filters.percent(0.1234) == "12,3 %"
        assert filters.mebibytes(1500 * 2**20) == "1\xa0500 МиБ"
        assert ">1 дек. 2026<" in filters.day("2026-12-01")
        assert ">1 дек. 2026, 09:05 UTC<" in filters.when("2026-12-01T09:05:00+00:00")
        words = [wording.deadline(_due(ticket, left)).words for left in (1, 2, 5, 21, -1)]
    left = ["остался 1 день", "осталось 2 дня", "осталось 5 дней", "остался 21 день"]
    assert words == [*left, "просрочено на 1 день"]


def _due(ticket: Ticket, days: int) -> Ticket:
    return replace(ticket, deadline=(date.today() + timedelta(days=days)).isoformat())


def test_a_verdict_is_told_in_russian_from_its_figures(
    visit: Visit, submitted: Callable[..., Ticket], record: Record
) -> None:
    rules = [
        {"text": "Everybody else is recognised as before", "outcome": "passed", "threshold": 0.02},
        {"text": "A rule of our own, 5 % of it", "outcome": "failed", "threshold": 0.1},
    ]
    found = {
        "verdict": "refused",
        "summary": ["Photos of the subject …"],
        "headline": {"forget_tmr_before": 0.98, "forget_tmr_after": 0.421, "rank1_after": None},
    }
    ticket = submitted(then=WAY[:5])
    record.tickets.move(
        ticket.id, S.NEEDS_REVIEW, "worker", result=found, data={"certification": {"rules": rules}}
    )
    page = visit(Role.AUDITOR).get(f"/tickets/{ticket.id}", headers=RUSSIAN).text
    assert "совпадают друг с другом в 42,1\xa0% сравнений (до стирания — в 98,0\xa0%)" in page
    assert "в неизвестной доле (не измерить) случаев" in page
    assert "из обязательных правил (2) не выполнено 1." in page
    assert "Все остальные узнаются как прежде" in page
    assert "A rule of our own, 5 % of it" in page
    assert "Photos of the subject" not in page
    assert "Photos of the subject …" in visit(Role.AUDITOR).get(f"/tickets/{ticket.id}").text


@pytest.fixture
def untranslated() -> frozenset[str]:
    """Texts that are written otherwise in Russian."""
    with CATALOGUE.open("rb") as file:
        catalog = read_po(file, locale="ru")
    return frozenset(
        message.id
        for message in catalog
        if isinstance(message.id, str) and message.string != message.id and message.id not in DATA
    )


@pytest.fixture
def parts(
    record: Record,
    settings: Settings,
    submitted: Callable[..., Ticket],
    model: Version,
    tmp_path: Path,
) -> dict[str, str]:
    """A record with something on every page; the parts of its addresses."""
    assert settings.signing_key_file is not None
    write_new_key(settings.signing_key_file)
    signer = Signer.from_file(settings.signing_key_file)
    record.faces.add("reference", {"Ada L": [jpeg(1), jpeg(2)], "Grace H": [jpeg(3)]})
    for then in ((), (S.DENIED,), (*WAY[:4],), (*WAY[:5], S.NEEDS_REVIEW), (*WAY[:2], S.FAILED)):
        submitted(then=then)
    short = submitted(then=(S.APPROVED, S.PREPARING, S.NEEDS_PHOTOS), days=3)
    refused = (("IMG_1.jpg", "no_face", "IMG_1.jpg: no faces found; give another"),)
    record.photos.keep_selection(short.id, Selection(("a",), ("b",), refused))
    record.tickets.note(short.id, Notice.DEADLINE_NEAR, "clock")
    done = completed(record, signer, submitted(then=WAY).id, model, tmp_path)
    return {"ticket": done, "name": MODEL, "number": "1", "user": "u-approver", "sha256": "0" * 64}


def addresses(app: Flask, parts: dict[str, str], record: Record) -> Iterator[tuple[str, str]]:
    """Endpoint and address of every page, with something behind it where there can be."""
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        page = "GET" in (rule.methods or ()) and not rule.endpoint.startswith(("api.", "static"))
        if page:
            yield rule.endpoint, adapter.build(rule.endpoint, _filled(rule, parts))
    for ticket in record.tickets.recent(limit=50):
        yield "tickets.show", f"/tickets/{ticket.id}?all=1"
    yield "faces.show", "/face-sets/reference"
    yield "faces.people", "/face-sets/reference/names"
    yield "model_versions.comparison", f"/models/{MODEL}/compare?old=1&new=2"
    yield "tickets.index", "/tickets?q=nothing-like-it"


def _filled(rule: Rule, parts: dict[str, str]) -> dict[str, str | int]:
    found: dict[str, str | int] = {part: parts.get(part, "x") for part in rule.arguments}
    if "number" in found:
        found["number"] = int(found["number"])
    return found


@pytest.mark.parametrize("role", list(Role))
def test_every_page_is_russian_from_end_to_end(
    app: Flask,
    visit: Visit,
    record: Record,
    parts: dict[str, str],
    untranslated: frozenset[str],
    role: Role,
) -> None:
    visitor = visit(role, f"u-{role}")
    visit(Role.APPROVER, "u-approver")  # whose page admins see
    for endpoint, address in addresses(app, parts, record):
        if endpoint == "language.choose" or role not in TABLE[endpoint]:
            continue
        page = visitor.get(address, headers=RUSSIAN, buffered=True)
        if page.mimetype != "text/html" or page.location or endpoint == "certificates.report":
            continue
        assert endpoint == "certificates.checks" or '<html lang="ru">' in page.text, address
        for text in texts.of_page(page.text, "ru"):
            assert text not in untranslated, (address, text)
            assert not _ENGLISH.search(NAMES.sub("", text)), (address, text)
