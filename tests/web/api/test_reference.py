"""The page about the API: every operation, and every kind of refusal that an answer leads to."""

from __future__ import annotations

from collections.abc import Callable

from storage.accounts.users import Role
from tests.web.conftest import Visitor
from web.api.catalogue import OPERATIONS


def test_the_page_shows_every_operation_and_where_each_problem_type_leads(
    visit: Callable[[Role], Visitor],
) -> None:
    page = visit(Role.AUDITOR).get("/api").text
    for operation in OPERATIONS:
        assert f'id="{operation.name}"' in page
        for status in operation.statuses:
            assert f'id="problem-{status}"' in page, (operation.name, status)
    assert " style=" not in page
    assert 'curl -H "Authorization: Bearer $LETHE_TOKEN"' in page
    assert "-F photos=@1.jpg" in page


def test_the_page_needs_somebody_who_is_signed_in_and_the_document_nobody(
    stranger: Visitor,
) -> None:
    assert stranger.get("/api").status_code == 302
    assert stranger.get("/api/v1/openapi.json").status_code == 200
