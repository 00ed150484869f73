"""The reason that somebody gives for a step with a ticket; it stays in the record for good."""

from __future__ import annotations

from flask import request

from storage.models.desk import MOST_LETTERS

LONGEST = MOST_LETTERS  # the same of every reason on record


def given() -> str:
    """Of the form that was sent, on one line; "" where there is none."""
    return " ".join(request.form.get("reason", "").split())[:LONGEST]
