"""The refusal of a model file, and how foreign text is shown in it."""

from storage.errors import BadInput

LONGEST_SHOWN = 80  # characters of a foreign name that a one-line message can carry


class BadModel(BadInput):
    """A model file cannot be used. One line: which file, why, what to do."""


def require_text(*names: object) -> None:
    """Protobuf hands over bytes where a file's text is not UTF-8.

    Raises:
        BadModel
    """
    if not all(isinstance(name, str) for name in names):
        raise BadModel("has names that are not text; it is damaged, export or download it again")


def shown(text: str) -> str:
    """A name out of a file, quoted, on one line and not too long."""
    short = text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"
    return repr(short)
