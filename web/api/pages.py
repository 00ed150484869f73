"""Pages of lists: as many items as asked for, and where the next ones are (RFC 8288)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from flask import request, url_for
from pydantic import BaseModel

Item = TypeVar("Item")


def page(found: Sequence[Item], limit: int) -> tuple[Sequence[Item], bool]:
    """The page of what was found when one more than ``limit`` was asked for."""
    return found[:limit], len(found) > limit


def next_page(query: BaseModel, cursor: str | None) -> tuple[str | None, dict[str, str]]:
    """The address of the page after ``cursor`` with the same filters, and its Link header."""
    if cursor is None:
        return None, {}
    given = query.model_dump(mode="json", exclude_defaults=True) | {"after": cursor}
    if given.get("archived") is True:
        given["archived"] = "true"
    address = url_for(request.endpoint or "", **(request.view_args or {}), **given)
    return address, {"Link": f'<{address}>; rel="next"'}
