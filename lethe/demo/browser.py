"""A ticket the way a person submits it: the sign-in link, the form, its CSRF token."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import unescape
from pathlib import Path

import requests

from storage.errors import LetheError
from storage.tickets.request import LegalGround, default_deadline

SECONDS = 120  # a form with photos


class FormRefused(LetheError):
    """The web application did not accept a form."""


class Browser:
    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()

    def sign_in(self, link: str) -> None:
        self._post(link, link, {})

    def submit(self, model: str, subject: str, photos: Sequence[Path]) -> str:
        """Fills in the form for a new ticket; returns the ticket's id."""
        form = f"{self._url}/tickets/new"
        fields = {
            "model": model,
            "subject": subject,
            "legal_ground": str(LegalGround.CONSENT_WITHDRAWN),
            "deadline": default_deadline().isoformat(),
        }
        files = [("photos", (photo.name, photo.read_bytes(), "image/jpeg")) for photo in photos]
        answer = self._post(form, form, fields, files)
        return answer.url.rstrip("/").rsplit("/", 1)[-1]

    def approve(self, ticket: str) -> None:
        page = f"{self._url}/tickets/{ticket}"
        self._post(page, f"{page}/approve", {})

    def _post(
        self,
        page: str,
        target: str,
        fields: dict[str, str],
        files: Sequence[tuple[str, tuple[str, bytes, str]]] = (),
    ) -> requests.Response:
        token = self._token(page)
        answer = self._session.post(
            target,
            data={**fields, "csrf_token": token},
            files=list(files) or None,
            headers={"Referer": page},
            timeout=SECONDS,
        )
        if not answer.ok:
            raise FormRefused(f"{target}: answered {answer.status_code}: {_text(answer.text)}")
        return answer

    def _token(self, page: str) -> str:
        answer = self._session.get(page, timeout=SECONDS)
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', answer.text)
        if not answer.ok or not found:
            raise FormRefused(f"{page}: answered {answer.status_code} without a form")
        return unescape(found.group(1))


def _text(html: str) -> str:
    main = re.sub(r"(?s).*<main[^>]*>|</main>.*", "", html)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())[:500]
