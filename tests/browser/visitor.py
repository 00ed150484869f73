"""Somebody at a browser of their own, and everything that the browser complained of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, Response

from tests.browser.stage import PASSWORD

# The page went on before the answer was there: what polls and what is beaconed ends so.
_LEFT_BEHIND = "net::ERR_ABORTED"


class Visitor:
    def __init__(self, browser: Browser, url: str, name: str = "", **options: Any) -> None:
        self.name, self.url = name, url
        self.complaints: list[str] = []
        self._expected = ""
        self.weight: dict[str, int] = {}  # address → bytes, of what the last page was made of
        self.context = browser.new_context(base_url=url, locale="en-GB", **options)
        self.context.set_default_timeout(20_000)
        self.page: Page = self.context.new_page()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("request", self._request)
        self.page.on("requestfailed", self._failed)
        self.page.on("response", self._response)

    def open(self, path: str) -> Page:
        """Goes there. Of an address that is refused the browser need not complain as well."""
        self.weight.clear()
        self._expected = f"{self.url}{path}"
        self.page.goto(path)
        return self.page

    def sign_in(self, password: str = PASSWORD) -> Visitor:
        self.open("/sign-in")
        self.page.get_by_label("Name").fill(self.name)
        self.page.get_by_label("Password").fill(password)
        self.button("Sign in").click()
        self.page.wait_for_url(f"{self.url}/")
        return self

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def link(self, name: str) -> Locator:
        return self.page.get_by_role("link", name=name, exact=True)

    def heading(self) -> str:
        return self.page.locator("h1").inner_text()

    def main(self) -> str:
        return self.page.locator("main").inner_text()

    def navigation(self) -> list[str]:
        main = self.page.get_by_role("navigation", name="Main")
        return main.get_by_role("link").all_inner_texts()

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and message.location["url"] != self._expected:
            self.complaints.append(f"{self.page.url}: {message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.url}/", "data:", "blob:")):
            self.complaints.append(f"{self.page.url}: left the origin for {request.url}")

    def _failed(self, request: Request) -> None:
        if request.failure != _LEFT_BEHIND:
            self.complaints.append(f"{self.page.url}: {request.url}: {request.failure}")

    def _response(self, response: Response) -> None:
        if response.request.resource_type != "image":
            self.weight[response.url] = int(response.headers.get("content-length", 0))


# By the name of one of PEOPLE, signed in; without one a stranger.
Visit = Callable[..., Visitor]
