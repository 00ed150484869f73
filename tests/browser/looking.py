"""What is asked of every page: axe-core's rules, its width on a phone, where the focus goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from axe_core_python.base import AXE_FILE_PATH
from playwright.sync_api import Page

PHONE, TABLET, DESK = (390, 844), (820, 1180), (1280, 900)  # CSS pixels
_AXE = AXE_FILE_PATH.read_text()
_SERIOUS = {"serious", "critical"}


def findings(page: Page, *rules: str) -> list[str]:
    """Serious and critical ones: rule, element, and what is wrong with it; all rules or some.

    https://github.com/dequelabs/axe-core
    """
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(_AXE)  # as a debugger does: the page's own policy lets no script in
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = {"type": "rule", "values": list(rules)}
    found = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{violation['id']}: {node['target']}: {node['failureSummary']}"
        for violation in found["violations"]
        if violation["impact"] in _SERIOUS
        for node in violation["nodes"]
    ]


def wide(page: Page) -> list[str]:
    """The elements that stick out to the right; empty where nobody has to scroll sideways."""
    return list(
        page.evaluate(
            """() => document.documentElement.scrollWidth <= innerWidth ? [] :
              [document.documentElement.scrollWidth + " px", ...[...document.querySelectorAll("*")]
                .filter((part) => part.getBoundingClientRect().right > innerWidth + 1)
                .map((part) => part.tagName + "." + part.className + ": "
                  + (part.textContent ?? "").trim().slice(0, 40)).slice(0, 8)]"""
        )
    )


def cut(page: Page) -> list[str]:
    """What hides a part of its content at the right, where no mark says so."""
    return list(
        page.evaluate(
            """() => [...document.querySelectorAll("main *")].filter((part) => {
              const style = getComputedStyle(part);
              return style.overflowX === "hidden" && style.textOverflow !== "ellipsis"
                && part.scrollWidth > part.clientWidth + 1 && !part.closest(".unseen");
            }).map((part) => `${part.tagName}.${part.className}: ${part.scrollWidth} px`)"""
        )
    )


def size(page: Page, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})


def picture(page: Page, folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png", full_page=True)


def interactive(page: Page) -> set[str]:
    """What takes the focus: a number for each, which ``tabbed`` finds again."""
    found = page.evaluate(
        """() => {
          const parts = document.querySelectorAll(
            "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']");
          let number = 0;
          for (const part of parts)
            if (part.checkVisibility({ visibilityProperty: true }) && !part.disabled)
              part.dataset.part = `${number++} ${part.tagName} ${part.innerText ?? part.name}`;
          return [...document.querySelectorAll("[data-part]")].map((part) => part.dataset.part);
        }"""
    )
    return set(found)


def tabbed(page: Page) -> dict[str, bool]:
    """Where Tab leads, from the top and around; and whether it is seen that the focus is there."""
    reached: dict[str, bool] = {}
    last = ""
    page.evaluate("document.activeElement.blur()")
    for _ in range(300):
        page.keyboard.press("Tab")
        part, visible = page.evaluate(
            """() => {
              const part = document.activeElement;
              const ring = (shown) => {
                const style = getComputedStyle(shown);
                const outline = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
                return (outline || style.boxShadow !== "none") && style.opacity !== "0";
              };
              return [part.dataset.part ?? "", [part, ...(part.labels ?? [])].some(ring)];
            }"""
        )
        if part in reached and part != last:  # a field for a date holds it for several
            break
        if part:
            reached.setdefault(part, visible)  # the parts of a date have rings of the browser's own
        last = part
    return reached
