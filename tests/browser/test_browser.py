"""The desk in a real browser, over the real stack; one file, so that it is started once."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import expect

from storage.tickets.states import State
from tests.browser import looking
from tests.browser.journey import SUBJECT, Journey, begin_draft
from tests.browser.places import PLACES, Seen
from tests.browser.stage import MODEL, Stage, submit
from tests.browser.visitor import Visit
from web.accounts.sign_in import make_sign_in_link_token
from web.language import LANGUAGES

# Which of axe-core's rules; the dark colours change nothing but the contrasts.
SCHEMES: dict[Literal["light", "dark"], tuple[str, ...]] = {
    "light": (),
    "dark": ("color-contrast",),
}
HEAVIEST = 150_000  # bytes of a page without its pictures
EVERYBODY = ["Desk", "Tickets", "Models", "Face sets"]
STEPS = ["Approve …", "Extend …", "Deny …", "Cancel …"]  # of a ticket that waits for approval


def test_each_photo_is_answered_before_the_ticket_is_submitted(journey: Journey) -> None:
    assert journey.answers == ["Face found"] * 30
    assert journey.advice == "30 usable photos. Enough for a certificate."
    assert journey.draft.startswith("/tickets/drafts/")


def test_progress_moves_by_itself_until_the_ticket_is_completed(journey: Journey) -> None:
    assert "The next free worker prepares 30 photos." in journey.approval
    assert journey.states[-4:] == ["Unlearning", "Certifying", "Publishing", "Completed"]
    assert journey.fractions == sorted(journey.fractions)
    assert len(set(journey.fractions)) >= 4
    assert any(name.startswith("Loss") for name in journey.charts)
    assert any("left of this stage" in text for text in journey.estimates)


def test_the_verdict_is_said_in_words_and_the_certificate_verifies_anywhere(
    journey: Journey, visitor: Visit, tmp_path: Path
) -> None:
    otto = visitor("otto")
    page = otto.open(f"/tickets/{journey.ticket}")
    assert "All 3 required rules of the policy are kept" in otto.main()
    expect(page.get_by_text("Signature and chain verified, now")).to_be_visible()
    assert page.locator("figure img, .drawings img, main img").count() >= 4
    otto.open(f"/tickets/{journey.ticket}/certificate")
    for link in ("Certificate (JSON)", "Public key"):
        with page.expect_download() as download:
            otto.link(link).click()
        download.value.save_as(tmp_path / download.value.suggested_filename)
    command = page.locator("#verify-line").inner_text().split()
    lethe = Path(sys.executable).with_name("lethe")
    told = subprocess.run([lethe, *command[1:]], cwd=tmp_path, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    (file,) = tmp_path.glob("certificate-*.json")
    assert json.loads(file.read_bytes())["certificate"]["ticket"] == journey.ticket
    file.write_bytes(file.read_bytes().replace(b'"passed"', b'"refused"', 1))
    assert subprocess.run([lethe, *command[1:]], cwd=tmp_path, capture_output=True).returncode == 2


@pytest.mark.usefixtures("journey")
def test_versions_are_compared_rolled_back_and_made_current_again(
    stage: Stage, visitor: Visit
) -> None:
    grace, models = visitor("grace"), stage.house.record.models
    grace.open(f"/models/{MODEL}")
    grace.link("Compare versions").click()
    expect(grace.page.get_by_role("heading", level=1)).to_have_text("Version 1 and version 2")
    assert SUBJECT in grace.main()
    grace.open(f"/models/{MODEL}")
    grace.link("Roll back …").click()
    assert grace.heading() == "Roll back to version 1?"
    assert "1 subject is recognised again" in grace.main()
    assert models.aliases(MODEL)["current"] == 2
    grace.button("Roll back to version 1").click()
    expect(grace.page.get_by_role("heading", level=1)).to_have_text(MODEL)
    assert models.aliases(MODEL)["current"] == 1
    grace.open(f"/models/{MODEL}/versions/2/promote")
    grace.button("Make version 2 current").click()
    expect(grace.page.get_by_role("heading", level=1)).to_have_text(MODEL)
    assert models.aliases(MODEL)["current"] == 2
    assert grace.complaints == []


def test_a_one_time_link_signs_in_once(stage: Stage, visitor: Visit) -> None:
    token = make_sign_in_link_token(stage.house.record.redis, "grace")
    first, second = visitor(), visitor()
    for stranger in (first, second):
        stranger.open(f"/sign-in/link/{token}")
    first.button("Sign in as grace").click()
    expect(first.page.get_by_role("heading", level=1)).to_have_text("Desk")
    second.button("Sign in as grace").click()
    used = "This link does not work any more"
    expect(second.page.get_by_role("heading", level=1)).to_have_text(used)
    assert first.complaints == []


def test_a_denied_ticket_says_why_and_what_was_kept(stage: Stage, visitor: Visit) -> None:
    ticket, grace = submit(stage, "DSR-2026-0201", stage.cast.other_subject[:4]), visitor("grace")
    page = grace.open(f"/tickets/{ticket}")
    page.get_by_text("Deny …").click()
    page.locator("#deny-reason").fill("The identity could not be confirmed.")
    grace.button("Deny the request").click()
    expect(page.locator(".head .state")).to_have_text("Denied")
    assert "The identity could not be confirmed." in grace.main()
    assert page.locator(".outcome dt").all_inner_texts() == [
        "What happened", "What was kept", "What to do",
    ]  # fmt: skip
    assert stage.house.record.photos.left(ticket) == 0
    assert page.get_by_text("Approve …").count() == 0


def test_a_cancelled_ticket_keeps_no_photo(stage: Stage, visitor: Visit) -> None:
    ticket, ada = submit(stage, "DSR-2026-0202", stage.cast.other_subject[:4]), visitor("ada")
    page = ada.open(f"/tickets/{ticket}")
    assert page.get_by_text("Approve …").count() == 0
    page.get_by_text("Cancel …").click()
    ada.button("Cancel the ticket").click()
    expect(page.locator(".head .state")).to_have_text("Cancelled")
    assert "all removed" in ada.main()


def test_a_failed_ticket_says_what_happened_and_can_be_retried(failed: str, visitor: Visit) -> None:
    grace = visitor("grace")
    page = grace.open(f"/tickets/{failed}")
    expect(page.locator(".head .state")).to_have_text("Failed, kept", timeout=60_000)
    assert page.locator(".note").count() >= 1
    assert "Retry …" in grace.main()
    assert "Traceback" not in grace.main()


def test_many_tickets_are_approved_and_denied_at_once(stage: Stage, visitor: Visit) -> None:
    grace, photos = visitor("grace"), stage.cast.other_subject[:4]
    tickets = [submit(stage, f"BULK-{number}", photos) for number in range(3)]
    page = grace.open("/tickets?q=BULK")
    for ticket in tickets[:2]:
        page.get_by_label(f"Choose {ticket}").check()
    assert "Chosen: 2" in grace.main()
    grace.button("Deny…").click()
    assert sorted(page.locator("li a.mono").all_inner_texts()) == sorted(tickets[:2])
    page.get_by_label("Reason").fill("Sent by mistake.")
    grace.button("Deny: 2 tickets").click()
    assert grace.heading().endswith("2 of 2")
    states = [stage.house.record.tickets.load(ticket).state for ticket in tickets]
    assert states == [State.DENIED, State.DENIED, State.SUBMITTED]
    page = grace.open("/tickets?q=BULK&state=submitted")
    page.get_by_label("Choose all on this page").check()
    grace.button("Approve…").click()
    grace.button("Approve: 1 ticket").click()
    assert grace.heading().endswith("1 of 1")
    stage.house.desk.cancel(tickets[2], "grace")


def test_the_list_is_exported_as_it_is_filtered(
    stage: Stage, visitor: Visit, tmp_path: Path
) -> None:
    ticket = submit(stage, "EXPORT-1", stage.cast.other_subject[:4])
    otto = visitor("otto")
    otto.open("/tickets?q=EXPORT")
    with otto.page.expect_download() as download:
        otto.link("Export as CSV").click()
    download.value.save_as(tmp_path / "tickets.csv")
    with (tmp_path / "tickets.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert [row[0] for row in rows[1:]] == [ticket]
    stage.house.desk.cancel(ticket, "ada")


def test_a_draft_survives_a_refresh_and_a_closed_window(stage: Stage, visitor: Visit) -> None:
    ada = visitor("ada")
    draft = begin_draft(ada, stage, "DSR-2026-0300")
    page = ada.open("/tickets/new")
    ada.link("DSR-2026-0300").click()
    assert page.url.endswith(draft)
    page.reload()
    assert page.get_by_label("Subject reference").input_value() == "DSR-2026-0300"
    assert page.locator("li.photo.usable").count() == 3
    page.get_by_text("Discard the draft …").click()
    ada.button("Discard draft and photos").click()
    expect(page.get_by_text("The draft is discarded")).to_be_visible()
    assert page.get_by_text("DSR-2026-0300").count() == 0


@pytest.mark.parametrize(
    ("name", "navigation", "steps"),
    [
        ("ada", [*EVERYBODY, "API"], STEPS[3:]),
        ("grace", [*EVERYBODY, "System", "Settings", "API"], STEPS),
        ("otto", [*EVERYBODY, "Audit", "System", "Settings", "API"], []),
        ("root", [*EVERYBODY, "Users", "Audit", "System", "Settings", "API"], STEPS),
    ],
)
def test_each_role_is_offered_what_it_may_and_nothing_else(
    seen: Seen, visitor: Visit, name: str, navigation: list[str], steps: list[str]
) -> None:
    who = visitor(name)
    page = who.open(f"/tickets/{seen.submitted}")
    assert who.navigation() == navigation
    assert page.locator(".steps-to-take summary").all_inner_texts() == steps
    who.open("/tickets")
    assert who.link("New ticket").count() == (name != "otto")
    assert who.link("Export as CSV").count() == (name != "ada")
    assert (page.get_by_label("With the chosen tickets").count() == 1) == (name != "otto")
    who.open(f"/models/{MODEL}")
    offered = page.locator("main .head .button, main summary.button").all_inner_texts()
    assert any("Download version" in words for words in offered) == (name != "ada")
    assert any("Make current" in words for words in offered) == (name in {"grace", "root"})
    assert ("Change the policy …" in offered) == (name == "root")
    who.open("/face-sets/reference")
    assert who.link("Who is in it").count() == (name in {"grace", "root"})


def test_every_page_answers_in_the_language_that_is_chosen(seen: Seen, visitor: Visit) -> None:
    """What looks alike in both languages is no sentence: a name, a figure, a term."""
    grace = visitor("grace")
    for name in ("desk", "tickets", "new-ticket", "ticket-submitted", "model", "system", "account"):
        path, texts = PLACES[name][1](seen), []
        for language in LANGUAGES.values():
            page = grace.open(path)
            if (button := grace.button(language)).count():
                button.click()
            expect(page.locator("[aria-current=true]")).to_have_text(language)
            texts.append(
                set(page.locator("h1, h2, label, legend, button, nav a").all_inner_texts())
            )
        assert {text for text in set.intersection(*texts) if len(text.split()) > 2} == set(), name
        assert page.locator("html").get_attribute("lang") == "ru"
    grace.button("English").click()
    assert grace.complaints == []


@pytest.mark.parametrize("name", PLACES)
def test_a_page_is_sound_for_everybody(
    seen: Seen, visitor: Visit, pictures: Path, name: str
) -> None:
    """axe-core finds nothing serious, light or dark; nobody scrolls sideways on a phone or
    a tablet, and nothing is cut off; nothing comes from elsewhere, the console stays empty, and
    it is light."""
    who, path = PLACES[name]
    visit = visitor(who)
    visit.complaints.clear()
    page = visit.open(path(seen))
    page.wait_for_load_state("networkidle")
    found, taken = [], "LETHE_SCREENSHOTS" in os.environ  # what nobody looks at costs a minute
    looking.size(page, *looking.DESK)
    for scheme, rules in SCHEMES.items():
        page.emulate_media(color_scheme=scheme)
        found += [f"{scheme}: {finding}" for finding in looking.findings(page, *rules)]
        if taken:
            looking.picture(page, pictures, f"{name}-{scheme}")
    page.emulate_media(color_scheme="light")
    cut = looking.cut(page)
    looking.size(page, *looking.TABLET)
    cut += looking.cut(page)
    wide = looking.wide(page)
    looking.size(page, *looking.PHONE)
    cut += looking.cut(page)
    wide += looking.wide(page)
    if taken:
        looking.picture(page, pictures, f"{name}-phone")
    looking.size(page, *looking.DESK)
    assert found == []
    assert wide == []
    assert cut == []
    assert visit.complaints == []
    assert sum(visit.weight.values()) <= HEAVIEST, visit.weight


def test_axe_finds_what_is_wrong(seen: Seen, visitor: Visit) -> None:
    page = visitor("ada").open(seen.error)
    page.evaluate("document.querySelector('main').append(document.createElement('select'))")
    assert [finding.split(":")[0] for finding in looking.findings(page)] == ["select-name"]


@pytest.mark.parametrize("name", ["tickets", "ticket-submitted", "draft", "model"])
def test_everything_is_reached_by_the_keyboard_with_a_focus_to_see(
    seen: Seen, visitor: Visit, name: str
) -> None:
    who, path = PLACES[name]
    page = visitor(who).open(path(seen))
    wanted, reached = looking.interactive(page), looking.tabbed(page)
    assert wanted - set(reached) == set()
    assert [part for part, visible in reached.items() if not visible] == []
