"""The desk of a server elsewhere, by its API: what `lethe tickets --server` talks to."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from lethe.ticket_desk import Shown, Submission, Wanted, given_files
from storage.errors import BadInput, LetheError
from storage.loopback import is_loopback
from storage.tickets.events import Event
from storage.tickets.states import State
from storage.tickets.ticket import Ticket

CONNECT_SECONDS, ANSWER_SECONDS = 10.0, 300.0  # the answer to a submission waits for its photos
PAGE = 100  # tickets; the most that the API gives at once
TRIES = 3
_UNREADY = frozenset({502, 503, 504})  # the same may be taken the next time
_ELSE = frozenset({401, 403, 408, 429})  # refusals that are not about what was given


class BadServer(BadInput):
    """A server or a token that cannot be used."""


class ServerFailed(LetheError):
    """The server does not answer, refuses the token, or failed."""


class _Bearer(AuthBase):
    """Said here, so that no .netrc puts something else in its place."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class RemoteDesk:
    """As ``LocalDesk``; the owner of the token is who did it."""

    def __init__(self, server: str, token: str) -> None:
        """
        Raises:
            BadServer: no address of a server, plain http to another machine, or no token.
        """
        self._api = f"{_checked_server(server)}/api/v1"
        self._session = requests.Session()
        self._session.auth = _Bearer(_checked_token(token))
        self._session.headers["Accept"] = "application/json"

    def submit(self, asked: Submission) -> Ticket:
        """Sent up to three times under one idempotency key: there is one ticket in the end."""
        fields = {
            "model": asked.model,
            "subject": asked.subject,
            "legal_ground": str(asked.legal_ground),
        }
        if asked.deadline:
            fields["deadline"] = asked.deadline.isoformat()
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        if asked.source:
            return _ticket(self._upload("/tickets", asked.source, fields, headers))
        body = {**fields, "face_set": asked.face_set, "person": asked.person}
        return _ticket(self._call("POST", "/tickets", json=body, headers=headers))

    def show(self, ticket: str) -> tuple[Ticket, list[Event]]:
        events = self._call("GET", f"/tickets/{_id(ticket)}/events")["items"]
        return _ticket(self._call("GET", f"/tickets/{_id(ticket)}")), [
            _event(ticket, event) for event in events
        ]

    def progress(self, ticket: str) -> Shown:
        found = self._call("GET", f"/tickets/{_id(ticket)}/progress")
        return Shown(State(found["state"]), float(found["fraction"] or 0), str(found["text"]))

    def recent(self, wanted: Wanted) -> Sequence[Ticket]:
        found: list[Ticket] = []
        asked = {
            "state": wanted.state,
            "model": wanted.model,
            "archived": "true" if wanted.archived else None,
            "order": "changed" if wanted.archived else None,
        }
        after = wanted.after
        while len(found) < wanted.limit:
            limit = min(wanted.limit - len(found), PAGE)
            query = {**asked, "after": after, "limit": limit}
            page = self._call("GET", "/tickets", params=query)
            found += [_ticket(item) for item in page["items"]]
            if not page["next"] or not page["items"]:
                break
            after = found[-1].id
        return found

    def add_photos(self, ticket: str, source: Path) -> Ticket:
        return _ticket(self._upload(f"/tickets/{_id(ticket)}/photos", source, {}, {}))

    def approve(self, ticket: str) -> Ticket:
        return self._step(ticket, "approve")

    def deny(self, ticket: str, reason: str) -> Ticket:
        return self._step(ticket, "deny", reason=reason)

    def cancel(self, ticket: str, reason: str) -> Ticket:
        return self._step(ticket, "cancel", reason=reason)

    def retry(self, ticket: str) -> Ticket:
        return self._step(ticket, "retry")

    def extend(self, ticket: str, deadline: date, reason: str) -> Ticket:
        return self._step(ticket, "extend", deadline=deadline.isoformat(), reason=reason)

    def archive(self, ticket: str, reason: str) -> Ticket:
        return self._step(ticket, "archive", reason=reason)

    def restore(self, ticket: str, reason: str) -> Ticket:
        return self._step(ticket, "restore", reason=reason)

    def _step(self, ticket: str, step: str, **body: str) -> Ticket:
        return _ticket(self._call("POST", f"/tickets/{_id(ticket)}/{step}", json=body))

    def _upload(
        self, path: str, source: Path, fields: Mapping[str, str], headers: Mapping[str, str]
    ) -> dict[str, Any]:
        files = given_files(source)
        with ExitStack() as opened:
            streams = [opened.enter_context(file.open("rb")) for file in files]
            parts = [
                ("photos", (file.name, stream)) for file, stream in zip(files, streams, strict=True)
            ]
            return self._call("POST", path, data=fields, files=parts, headers=headers)

    def _call(self, method: str, path: str, **given: Any) -> dict[str, Any]:
        """
        Raises:
            BadInput: what was given is refused.
            ServerFailed: anything else went wrong.
        """
        again = method == "GET" or "Idempotency-Key" in given.get("headers", {})
        for wait in range(1, TRIES + 1):
            last = wait == TRIES or not again
            try:
                answer = self._session.request(
                    method,
                    self._api + path,
                    timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
                    allow_redirects=False,  # another host must not be handed the token
                    **given,
                )
            except (requests.ConnectionError, requests.Timeout) as error:
                if last:
                    raise ServerFailed(
                        f"{self._api}: does not answer ({type(error).__name__}); "
                        "is it running, and is the address right?"
                    ) from None
            except requests.RequestException as error:
                raise ServerFailed(f"{self._api}: {type(error).__name__}") from None
            else:
                if last or answer.status_code not in _UNREADY:
                    return self._read(answer)
            _rewind(given.get("files", ()))
            time.sleep(wait)
        raise AssertionError("the last try returns or raises")

    def _read(self, answer: requests.Response) -> dict[str, Any]:
        try:
            document = answer.json()
        except requests.JSONDecodeError:
            document = None
        if not isinstance(document, dict):
            raise ServerFailed(
                f"{self._api}: answers {answer.status_code} and no JSON; "
                "is this the address of a Lethe server?"
            )
        if answer.ok:
            return document
        kind = BadInput if _is_about_input(answer.status_code) else ServerFailed
        raise kind(_line(document))


def _checked_server(server: str) -> str:
    parts = urlsplit(server)
    more = parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme not in {"http", "https"} or not parts.hostname or more:
        raise BadServer(
            f"server {server[:200]!r}: give its address, e.g. https://lethe.example.org"
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise BadServer(f"server {server[:200]}: use https; plain http is for this machine alone")
    return server.rstrip("/")


def _checked_token(token: str) -> str:
    plain = token.strip()
    if not plain:
        raise BadServer(
            "no API token: set LETHE_TOKEN, or name a file that holds it with --token-file"
        )
    if not plain.isascii() or not plain.isprintable() or " " in plain:
        raise BadServer("the API token has characters that no token has; copy it again")
    return plain


def _id(ticket: str) -> str:
    """Part of an address: what no ticket is named must not lead to another one."""
    if not ticket.isascii() or not ticket.isalnum():
        raise BadInput(f"ticket {ticket[:80]!r}: a ticket is 't' and 12 letters or digits")
    return ticket


def _is_about_input(status: int) -> bool:
    return 400 <= status < 500 and status not in _ELSE


def _line(problem: Mapping[str, Any]) -> str:
    """One line of a problem document, and of each bad field; nothing that moves a cursor."""
    errors = problem.get("errors") or []
    lines = [str(error.get("detail", "")) for error in errors if isinstance(error, dict)]
    if len(lines) <= 1:
        lines = [str(problem.get("detail") or problem.get("title") or "refused")]
    if reference := problem.get("reference"):
        lines.append(f"reference {reference}")
    text = "; ".join(lines)
    plain = "".join(letter if letter.isprintable() else " " for letter in text).rstrip(".")
    return plain[:1].lower() + plain[1:]  # as a refusal of this machine's begins


def _ticket(found: Mapping[str, Any]) -> Ticket:
    try:
        fields = {name: found[name] for name in Ticket.__dataclass_fields__ if name in found}
        return Ticket(**{**fields, "state": State(found["state"])})
    except (KeyError, TypeError, ValueError):
        raise ServerFailed("the server answers with no ticket; is it a newer Lethe?") from None


def _event(ticket: str, found: Mapping[str, Any]) -> Event:
    try:
        data = {name: found[name] for name in ("note", "notice") if found[name]}
        fields = {name: found[name] for name in ("number", "at", "actor", "previous")}
        return Event(ticket=ticket, state=State(found["state"]), data=data, **fields)
    except (KeyError, TypeError, ValueError):
        raise ServerFailed("the server answers with no event; is it a newer Lethe?") from None


def _rewind(parts: Sequence[Any]) -> None:
    for _, (_, file) in parts:
        file.seek(0)
