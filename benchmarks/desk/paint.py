"""When a browser first paints a page: with nothing cached, and when it was there before."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from benchmarks.desk.one_core import OneCore
from benchmarks.load.timing import p50, p95
from storage.errors import BadInput

AIM = 1000.0  # ms
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
_PAINTED = """() => new Promise(found => new PerformanceObserver(seen => {
    const paint = seen.getEntriesByName("first-contentful-paint")[0];
    if (paint) found(paint.startTime);
}).observe({type: "paint", buffered: true}))"""


class NoBrowser(BadInput):
    """There is no chromium."""


def say(core: OneCore, paths: Mapping[str, str], times: int) -> None:
    """Prints a row for each path, by what it is.

    Raises:
        NoBrowser
    """
    print(f"\nfirst contentful paint in chromium, ms at p50 / p95 of {times}; aim: {AIM:.0f}")
    print(f"{'':40}{'cold':>16}{'warm':>16}")
    # Somebody at the same machine: the browser takes what cores there are.
    os.sched_setaffinity(0, core.everywhere)
    with _browser() as browser:
        _painted(browser, core, "/", 2)  # it has to wake up itself
        for what, path in paths.items():
            cold = [_painted(browser, core, path, 1)[0] for _ in range(times)]
            warm = _painted(browser, core, path, 1 + times)[1:]
            cells = "".join(f"{f'{p50(one):.0f} / {p95(one):.0f}':>16}" for one in (cold, warm))
            kept = max(p95(cold), p95(warm)) <= AIM
            print(f"{what:40}{cells}{'kept' if kept else 'MISSED':>8}", flush=True)


def _painted(browser: Browser, core: OneCore, path: str, times: int) -> list[float]:
    """Seconds until the first paint of each visit; the first one finds nothing cached."""
    with _signed_in(browser, core) as context:
        page = context.new_page()
        found = []
        for _ in range(times):
            page.goto(core.web.url + path, wait_until="load")
            found.append(float(page.evaluate(_PAINTED)) / 1000)
        return found


@contextmanager
def _browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        raise NoBrowser("there is no chromium; install Debian's package of that name")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        yield browser
        browser.close()


@contextmanager
def _signed_in(browser: Browser, core: OneCore) -> Iterator[BrowserContext]:
    with browser.new_context() as context:
        for name, value in core.visitor.cookies.items():
            context.add_cookies([{"name": name, "value": value, "url": core.web.url}])
        yield context
