"""Every page, who looks at it, and where it is once the tickets that are told of are there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.browser.stage import MODEL


@dataclass(frozen=True)
class Seen:
    """Ids of what is there to look at."""

    completed: str
    submitted: str
    denied: str
    failed: str
    needs_photos: str
    draft: str  # the path
    link: str  # a one-time link's path
    error: str = "/models/no-such-model"


# name → (who looks, "" a stranger; the path)
PLACES: dict[str, tuple[str, Callable[[Seen], str]]] = {
    "desk": ("root", lambda _: "/"),
    "desk-of-a-requester": ("ada", lambda _: "/"),
    "desk-of-an-auditor": ("otto", lambda _: "/"),
    "tickets": ("grace", lambda _: "/tickets"),
    "tickets-filtered": ("grace", lambda _: "/tickets?state=denied&q=DSR&sort=deadline"),
    "tickets-none": ("otto", lambda _: "/tickets?q=nothing-like-it"),
    "new-ticket": ("ada", lambda _: "/tickets/new"),
    "draft": ("ada", lambda seen: seen.draft),
    "ticket-completed": ("root", lambda seen: f"/tickets/{seen.completed}"),
    "ticket-submitted": ("grace", lambda seen: f"/tickets/{seen.submitted}"),
    "ticket-denied": ("otto", lambda seen: f"/tickets/{seen.denied}"),
    "ticket-failed": ("grace", lambda seen: f"/tickets/{seen.failed}"),
    "ticket-needs-photos": ("ada", lambda seen: f"/tickets/{seen.needs_photos}"),
    "certificate": ("otto", lambda seen: f"/tickets/{seen.completed}/certificate"),
    "models": ("root", lambda _: "/models"),
    "model": ("root", lambda _: f"/models/{MODEL}"),
    "compare": ("otto", lambda _: f"/models/{MODEL}/compare"),
    "moves": ("otto", lambda _: f"/models/{MODEL}/moves"),
    "promote": ("grace", lambda _: f"/models/{MODEL}/versions/1/promote"),
    "roll-back": ("grace", lambda _: f"/models/{MODEL}/rollback"),
    "download": ("otto", lambda _: f"/models/{MODEL}/versions/2/download"),
    "delete": ("root", lambda _: f"/models/{MODEL}/versions/1/delete"),
    "import": ("root", lambda _: "/imports/new"),
    "face-sets": ("root", lambda _: "/face-sets"),
    "face-set": ("root", lambda _: "/face-sets/reference"),
    "people": ("root", lambda _: "/face-sets/reference/names"),
    "users": ("root", lambda _: "/users"),
    "user": ("root", lambda _: "/users/ada"),
    "tokens-of-a-user": ("root", lambda _: "/users/ada/tokens"),
    "audit": ("otto", lambda _: "/audit"),
    "system": ("root", lambda _: "/system"),
    "settings": ("root", lambda _: "/settings"),
    "api": ("ada", lambda _: "/api"),
    "account": ("ada", lambda _: "/account"),
    "second-factor": ("ada", lambda _: "/account/second-factor"),
    "tokens": ("ada", lambda _: "/account/tokens"),
    "sign-in": ("", lambda _: "/sign-in"),
    "sign-in-link": ("", lambda seen: seen.link),
    "sign-in-link-used": ("", lambda _: "/sign-in/link/used"),
    "not-found": ("ada", lambda seen: seen.error),
    "forbidden": ("ada", lambda _: "/audit"),
}
