"""Lines of a CSV file as RFC 4180 has them, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence

# What begins so is run as a formula by Excel, LibreOffice or Sheets (OWASP, CSV injection); in
# some languages the wide forms are, too.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# Where a comma is for decimals, spreadsheets cut lines at semicolons, also inside of quotes.
_INSIDE = re.compile(r"""([;\t\r\n][\s"']*)(?=[=+\-@＝＋－＠])""")
_AT_ONCE = 16 * 1024  # characters sent together


class _Lines:
    """What ``csv.writer`` writes to, emptied from time to time."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self.length = 0

    def write(self, text: str) -> int:
        self._parts.append(text)
        self.length += len(text)
        return len(text)

    def taken(self) -> str:
        text = "".join(self._parts)
        self._parts, self.length = [], 0
        return text


def of(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The file, piece by piece."""
    lines = _Lines()
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([safe(cell) for cell in row])
        if lines.length >= _AT_ONCE:
            yield lines.taken()
    yield lines.taken()


def safe(cell: object) -> str:
    """Text that no spreadsheet takes for a formula: an apostrophe before says that it is none."""
    text = _INSIDE.sub(r"\1'", str(cell))
    return f"'{text}" if text.startswith(_FORMULA) else text
