"""Pages of lists: as many items as asked for, and where the next ones are (RFC 8288)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from flask import request, url_for
from pydantic import BaseModel, Field

from web.api.fields import Limit, Name, Sent

Item = TypeVar("Item")


class NameQuery(Sent):
    """Of a list by name."""

    after: Name | None = Field(None, description="The cursor; take it from `next`.")
    limit: Limit = 50


def by_name(
    names: Iterable[str], query: NameQuery
) -> tuple[Sequence[str], str | None, dict[str, str]]:
    """The page of names that the query asks for, and what ``next_page`` says of the one after."""
    shown, more = page(sorted(name for name in names if name > (query.after or "")), query.limit)
    return shown, *next_page(query, shown[-1] if more else None)


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
