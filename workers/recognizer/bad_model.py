"""The refusal of a model file, and how foreign text is shown in it."""

from storage.errors import BadInput

LONGEST_SHOWN = 80  # characters of a foreign name that a one-line message can carry


class BadModel(BadInput):
    """A model file cannot be used. One line: which file, why, what to do."""


def shown(text: str) -> str:
    """A name out of a file, quoted, on one line and not too long."""
    short = text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"
    return repr(short)
