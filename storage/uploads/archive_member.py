"""One member of an archive, before any of it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from storage.errors import BadInput

LONGEST_SHOWN = 80  # characters of a foreign name that a one-line message can carry


class BadArchive(BadInput):
    """An archive that cannot be used. One line: which file, which member, why, what to do."""


@dataclass(frozen=True)
class Member:
    name: str  # as the archive spells it
    size: int  # bytes, unpacked, as the archive says
    is_file: bool
    is_folder: bool
    read: Callable[[], bytes] = field(repr=False)  # exactly ``size`` bytes, or BadArchive

    def bad(self, why: str) -> BadArchive:
        return BadArchive(f"member {shown(self.name)}: {why}")


def shown(name: str) -> str:
    """A foreign name, quoted, on one line and not too long."""
    return repr(name if len(name) <= LONGEST_SHOWN else name[:LONGEST_SHOWN] + "…")
