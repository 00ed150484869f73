"""One ticket's way as people go it in their browsers, and what they saw."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from playwright.sync_api import Error, expect

from tests.browser.stage import MODEL, Stage
from tests.browser.visitor import Visit, Visitor

SUBJECT = "DSR-2026-0142"
LONGEST = 300.0  # seconds from the approval to the certificate
_LOOK = """() => ({
  state: document.querySelector(".head .state")?.innerText,
  fraction: document.querySelector("progress[value]")?.value,
  charts: [...document.querySelectorAll("[data-chart] .name")].map((name) => name.innerText),
  estimate: document.querySelector("[data-estimate]")?.innerText,
})"""
_ENDED = re.compile("^(Completed|Needs review|Failed, kept)$")


@dataclass(frozen=True)
class Journey:
    ticket: str
    draft: str  # path of the draft that it was
    answers: list[str]  # one for each photo, before it was submitted
    advice: str
    approval: str  # what the approver was told before deciding
    states: list[str]  # as they were shown without a reload by hand
    fractions: list[float]  # of the stage Unlearning
    charts: set[str]
    estimates: set[str]


def go(stage: Stage, visitor: Visit) -> Journey:
    ada, grace = visitor("ada"), visitor("grace")
    answers, advice, draft = _fill_in(ada, stage)
    ada.button("Submit ticket").click()
    expect(ada.page.get_by_text("Accepted: the ticket and its photos are in")).to_be_visible()
    ticket = ada.page.url.rsplit("/", 1)[1]
    grace.open(f"/tickets/{ticket}").get_by_text("Approve …").click()
    approval = grace.main()
    grace.button("Approve").click()
    states, fractions, charts, estimates = _watch(grace)
    return Journey(ticket, draft, answers, advice, approval, states, fractions, charts, estimates)


def _fill_in(ada: Visitor, stage: Stage) -> tuple[list[str], str, str]:
    page, files = ada.open("/tickets/new"), stage.files()
    page.get_by_label("Model").select_option(MODEL)
    page.get_by_label("Subject reference").fill(SUBJECT)
    page.set_input_files("#chosen", files[:-1])
    drop(ada, "[data-drop]", files[-1].name, files[-1].read_bytes())
    answered = page.locator(".photo.usable, .photo.refused")
    expect(answered).to_have_count(len(files), timeout=60_000)
    expect(page.locator("#advice")).to_contain_text("Enough for a certificate")
    draft = page.url.removeprefix(ada.url)
    answers = page.locator(".photo-text").all_inner_texts()
    return answers, page.locator("#advice").inner_text(), draft


def drop(visitor: Visitor, place: str, name: str, data: bytes) -> None:
    """A file let go of over a part of the page."""
    given = visitor.page.evaluate_handle(
        """([name, bytes]) => {
          const dragged = new DataTransfer();
          dragged.items.add(new File([new Uint8Array(bytes)], name, { type: "image/jpeg" }));
          return dragged;
        }""",
        [name, list(data)],
    )
    visitor.page.dispatch_event(place, "drop", {"dataTransfer": given})


def _watch(grace: Visitor) -> tuple[list[str], list[float], set[str], set[str]]:
    """The page moves by itself; it is looked at until the ticket has ended."""
    page, end = grace.page, time.monotonic() + LONGEST
    states, fractions = list[str](), list[float]()
    charts, estimates = set[str](), set[str]()
    while not states or not _ENDED.match(states[-1]):
        assert time.monotonic() < end, (states, grace.main(), grace.complaints)
        try:
            seen = page.evaluate(_LOOK)
        except Error:  # the page is just being replaced by the next
            continue
        if seen["state"] and seen["state"] not in states[-1:]:
            states.append(seen["state"])
        if seen["state"] == "Unlearning" and seen.get("fraction") is not None:
            fractions.append(seen["fraction"])
        charts.update(seen["charts"])
        estimates.add(seen.get("estimate") or "")
        page.wait_for_timeout(300)
    return states, fractions, charts, estimates - {""}


def begin_draft(ada: Visitor, stage: Stage, subject: str) -> str:
    """Its path, once three photos are kept."""
    page = ada.open("/tickets/new")
    page.get_by_label("Model").select_option(MODEL)
    page.get_by_label("Subject reference").fill(subject)
    page.set_input_files("#chosen", stage.files(1)[:3])
    expect(page.locator("li.photo.usable")).to_have_count(3, timeout=60_000)
    expect(page.locator("[data-saved]")).to_have_text("Kept as a draft")
    return page.url.removeprefix(ada.url)
