"""What people wrote, opened in a spreadsheet: text, never a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest

from storage.accounts.roles import Role
from storage.tickets.ticket import Ticket
from tests.web.conftest import Visitor
from web import csv_lines

FORMULAS = (
    "=1+1", "+1+1", "-1+1", "@SUM(1)", "=cmd|' /C calc'!A0", "＝1+1", "\t=1+1",
    "no;=1+1", "no; =1+1", "no\t=1+1", 'no;"=1+1', "no,=1+1", "no\r\n=1+1", "no;;@x",
)  # fmt: skip
STARTS = tuple("=+-@＝＋－＠")
READERS = ((",", csv.QUOTE_MINIMAL), (";", csv.QUOTE_MINIMAL), (";", csv.QUOTE_NONE),
           ("\t", csv.QUOTE_MINIMAL), ("\t", csv.QUOTE_NONE))  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula_with_whatever_separator_a_spreadsheet_takes(text: str) -> None:
    """Where a comma is for decimals, a file is cut at semicolons, whatever was quoted."""
    file = "".join(csv_lines.of(("ticket", "note"), [("t000000000000", text)]))
    for separator, quoting in READERS:
        rows = csv.reader(io.StringIO(file, ""), delimiter=separator, quoting=quoting)
        for cell in (cell for row in rows for cell in row):
            assert not cell.strip(' "\r\n\t').startswith(STARTS), (separator, cell)


@pytest.mark.parametrize("text", ["DSR-2026-0142", "2026-11-23T10:00:00Z", "a=b; c=-d", "x - y"])
def test_what_is_none_stays_as_it_is(text: str) -> None:
    assert csv_lines.safe(text) == text


def test_a_reason_that_is_a_formula_leaves_as_text(
    visit: Callable[..., Visitor], submitted: Callable[..., Ticket]
) -> None:
    admin, ticket = visit(Role.ADMIN), submitted()
    reason = {"reason": '=HYPERLINK("http://evil.example","open")'}
    assert admin.post(f"/tickets/{ticket.id}/deny", reason, form="/account").status_code == 303
    answer = admin.get("/tickets.csv")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert row["note"] == "'" + reason["reason"]
    assert answer.headers["Content-Disposition"].startswith("attachment")
