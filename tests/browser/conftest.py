"""One stack and one browser for all tests here; they take too long to start for each."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser import journey as one
from tests.browser.journey import Journey, begin_draft
from tests.browser.places import Seen
from tests.browser.stage import BROKEN, Stage, set_up, submit
from tests.browser.visitor import Visit, Visitor
from web.accounts.sign_in import make_sign_in_link_token

_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium; install Debian's package of that name")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def stage(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:  # noqa: ARG001 - no stack where no browser is
    with set_up(tmp_path_factory.mktemp("people")) as stage:
        yield stage


@pytest.fixture(scope="module")
def visitor(browser: Browser, stage: Stage) -> Visit:
    """Whoever of PEOPLE is named, signed in once; "" is a stranger, anew each time."""
    known: dict[str, Visitor] = {}

    def visit(name: str = "") -> Visitor:
        if not name:
            return Visitor(browser, stage.url)
        if name not in known:
            known[name] = Visitor(browser, stage.url, name).sign_in()
        return known[name]

    return visit


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pictures of the pages go: LETHE_SCREENSHOTS, else nowhere that stays."""
    kept = os.environ.get("LETHE_SCREENSHOTS")
    return Path(kept) if kept else tmp_path_factory.mktemp("pictures")


@pytest.fixture(scope="module")
def journey(stage: Stage, visitor: Visit) -> Journey:
    return one.go(stage, visitor)


@pytest.fixture(scope="module")
def failed(stage: Stage) -> str:
    """A ticket for a model whose file no worker can read."""
    ticket = submit(stage, "DSR-2026-0204", stage.cast.other_subject[:4], BROKEN)
    stage.house.desk.approve(ticket, "grace")
    return ticket


@pytest.fixture(scope="module")
def seen(stage: Stage, visitor: Visit, journey: Journey, failed: str) -> Seen:
    """A ticket of each kind, and a draft, to look at."""
    first, second = stage.cast.subject, stage.cast.other_subject
    denied = submit(stage, "DSR-2026-0206", second[:4])
    stage.house.desk.deny(denied, "grace", "The identity could not be confirmed.")
    mixed = submit(stage, "DSR-2026-0205", [*first[:2], *second[:2]])
    stage.house.desk.approve(mixed, "grace")
    submitted = submit(stage, "DSR-2026-0203", second[:4])
    draft = begin_draft(visitor("ada"), stage, "DSR-2026-0207")
    token = make_sign_in_link_token(stage.house.record.redis, "ada")
    grace = visitor("grace")
    grace.open(f"/tickets/{mixed}")
    expect(grace.page.locator(".head .state")).to_have_text("Needs photos", timeout=60_000)
    link = f"/sign-in/link/{token}"
    return Seen(journey.ticket, submitted, denied, failed, mixed, draft, link)
