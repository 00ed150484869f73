"""Error pages: what happened, what was kept and what to do, in the reader's language."""

import re
from collections.abc import Callable

import pytest
from flask import Flask, abort
from werkzeug.exceptions import TooManyRequests

from storage.accounts.users import Role
from storage.canonical import Corrupt
from storage.record import QueueUnavailable
from storage.store.objects import StoreUnavailable
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from tests.web.conftest import Visitor
from web import permissions
from web.error_texts import TEXTS
from web.errors import answer
from web.inside import this_page

FAULT = "/fault"


@pytest.fixture
def faulty(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts what it is given behind an address that anybody may open."""

    def put(view: Callable[[], object], path: str = FAULT) -> None:
        endpoint = f"fault{path}".replace("/", ":")
        monkeypatch.setitem(permissions.TABLE, endpoint, permissions.PUBLIC)
        app.add_url_rule(path, endpoint, view, methods=["GET", "POST"])

    return put


def _raises(error: Exception) -> Callable[[], object]:
    def view() -> object:
        raise error

    return view


@pytest.mark.parametrize("status", sorted(TEXTS))
def test_every_error_page_says_what_happened_what_was_kept_and_what_to_do(
    app: Flask, faulty: Callable[..., None], stranger: Visitor, status: int
) -> None:
    faulty(lambda: answer(status))
    page = stranger.get(FAULT)
    assert page.status_code == status
    words = TEXTS[status]
    with app.test_request_context():
        for part in (words.title, words.what, words.kept, words.do):
            assert str(part) in page.text.replace("&#39;", "'")
    for name in ("What happened", "What was kept", "What to do", "To the desk"):
        assert name in page.text


@pytest.mark.parametrize(
    ("sent", "page"),
    [
        ("/tickets/t0123456789ab/approve", "/tickets/t0123456789ab"),
        ("/tickets/bulk", "/tickets"),
        ("/tickets/bulk/perform", "/tickets"),
        ("/models/door/policy", "/models/door"),
        ("/models/door/versions/2/promote", "/models/door/versions/2/promote"),
        ("/users/nora/role", "/users/nora"),
        ("/account/sessions/0123/end", "/account"),
        ("/sign-out", "/"),
        ("/nowhere/at/all", "/"),
        ("//elsewhere.example/sign-out", "/"),
    ],
)
def test_a_form_leads_back_to_the_page_that_it_is_of(app: Flask, sent: str, page: str) -> None:
    with app.test_request_context(sent, method="POST"):
        assert this_page() == page


def test_who_was_too_late_is_shown_the_way_back_to_the_ticket(
    visit: Callable[[Role], Visitor], submitted: Callable[..., Ticket]
) -> None:
    path = f"/tickets/{submitted(then=[State.DENIED]).id}"
    page = visit(Role.APPROVER).post(f"{path}/approve", form="/account")
    assert page.status_code == 409
    assert f'href="{path}">Open the page again</a>' in page.text


@pytest.mark.parametrize("status", [402, 406, 418, 422, 501, 504])
def test_a_status_without_words_of_its_own_has_those_of_its_kind(
    faulty: Callable[..., None], stranger: Visitor, status: int
) -> None:
    faulty(lambda: answer(status))
    page = stranger.get(FAULT)
    assert page.status_code == status
    assert ("Go back, check what you entered" in page.text) is (status < 500)


def test_an_unexpected_error_shows_a_reference_and_no_detail(
    faulty: Callable[..., None], stranger: Visitor, capfd: pytest.CaptureFixture[str]
) -> None:
    faulty(_raises(RuntimeError("the secret detail")))
    page = stranger.get(FAULT)
    assert page.status_code == 500
    assert "secret detail" not in page.text
    found = re.search(r'<dd class="mono">([0-9a-f]{8})</dd>', page.text)
    assert found is not None
    assert found.group(1) in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (StoreUnavailable("models/x: the object store at http://10.1.2.3"), "object store does"),
        (QueueUnavailable("Redis at 10.1.2.3 does not answer"), "Redis does not"),
    ],
)
def test_what_does_not_answer_is_named_and_its_address_is_not(
    faulty: Callable[..., None], stranger: Visitor, error: Exception, words: str
) -> None:
    faulty(_raises(error))
    page = stranger.get(FAULT)
    assert page.status_code == 503
    assert words in page.text
    assert "10.1.2.3" not in page.text
    assert f'href="{FAULT}">Try again</a>' in page.text


def test_a_damaged_record_is_said_with_the_name_of_what_is_damaged(
    faulty: Callable[..., None], stranger: Visitor
) -> None:
    faulty(_raises(Corrupt("tickets/t1/events/000001: altered")))
    assert "does not verify: tickets/t1/events/000001: altered." in stranger.get(FAULT).text


def test_a_command_in_a_line_is_marked_as_one_and_nothing_else_of_it_is_markup(
    faulty: Callable[..., None], stranger: Visitor
) -> None:
    faulty(lambda: answer(404, what="add it with `lethe <b>` now"))
    assert "add it with <code>lethe &lt;b&gt;</code> now" in stranger.get(FAULT).text


def test_a_method_that_an_address_does_not_take_is_named(stranger: Visitor) -> None:
    page = stranger.client.delete("/sign-in")
    assert page.status_code == 405
    assert "POST" in page.headers["Allow"]


def test_what_was_sent_is_not_offered_to_be_sent_again(
    faulty: Callable[..., None], stranger: Visitor
) -> None:
    faulty(_raises(StoreUnavailable("x")))
    assert "Try again</a>" not in stranger.post(FAULT, form="/sign-in").text


def test_how_long_to_wait_is_said_in_minutes(
    faulty: Callable[..., None], stranger: Visitor
) -> None:
    faulty(_raises(TooManyRequests(retry_after=601)))
    page = stranger.get(FAULT)
    assert "Wait 11 minutes, then try again." in page.text
    assert page.headers["Retry-After"] == "601"


def test_programs_get_problem_details_in_english_whatever_their_language(
    faulty: Callable[..., None], stranger: Visitor
) -> None:
    faulty(lambda: answer(409, what="a line"), "/api/fault")
    faulty(_raises(RuntimeError("secret")), "/api/unexpected")
    found = stranger.get("/api/fault", headers={"Accept-Language": "ru"})
    assert found.content_type == "application/problem+json"
    assert found.json is not None
    told = {name: found.json[name] for name in ("status", "title", "detail")}
    assert told == {"status": 409, "title": "Not in this state", "detail": "a line"}
    unexpected = stranger.get("/api/unexpected").json
    assert unexpected is not None
    assert re.fullmatch("[0-9a-f]{8}", unexpected["reference"])
    assert "secret" not in str(unexpected)


def test_a_bad_field_of_the_api_is_named_in_the_problem(
    faulty: Callable[..., None], stranger: Visitor
) -> None:
    fields = [{"pointer": "#/deadline", "detail": "is no date"}]
    faulty(lambda: answer(422, what="deadline: is no date", errors=fields), "/api/fault")
    found = stranger.get("/api/fault").json
    assert found is not None
    assert found["errors"] == fields


def test_the_language_can_be_changed_on_an_error_page_and_leads_back_to_it(
    stranger: Visitor,
) -> None:
    page = stranger.get("/nowhere?x=1")
    assert 'name="next" value="/nowhere?x=1"' in page.text
    sent = {"language": "ru", "next": "/nowhere?x=1"}
    chosen = stranger.post("/language", sent, form="/nowhere")
    assert chosen.headers["Location"] == "/nowhere?x=1"
    assert '<html lang="ru">' in stranger.get("/nowhere").text


def test_a_page_for_another_role_says_so(visit: Callable[[Role], Visitor]) -> None:
    page = visit(Role.REQUESTER).get("/audit")
    assert page.status_code == 403
    assert "Your role does not allow this" in page.text


def test_an_abort_without_words_is_answered_in_ours(
    faulty: Callable[..., None], stranger: Visitor
) -> None:
    faulty(lambda: abort(400))
    assert "The request was incomplete or malformed." in stranger.get(FAULT).text
