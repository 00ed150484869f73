"""Tracebacks for logs: where it happened, and nothing of what was being worked on."""

from __future__ import annotations

import traceback


def nameless(error: BaseException) -> str:
    """The formatted traceback without the messages: those may hold a file's name."""
    parts: list[str] = []
    found: BaseException | None = error
    seen: set[int] = set()
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        frames = traceback.format_tb(found.__traceback__)
        parts.append("".join([*frames, type(found).__qualname__]))
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
    return "\n".join(reversed(parts))
