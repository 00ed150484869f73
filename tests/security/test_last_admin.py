"""Nobody is left without an admin, whoever asks for it and in whichever way."""

from __future__ import annotations

import pytest

from storage.accounts.desk import AccountDesk
from storage.accounts.external import admit
from storage.accounts.users import LastAdmin, Role
from storage.record import Record
from tests.web.conftest import PASSWORD

ISSUER = "https://id.example.org"


def test_a_provider_that_takes_the_role_from_the_last_admin_leaves_it_and_signs_nobody_in(
    record: Record,
) -> None:
    admit(record, "ada", Role.ADMIN, ISSUER, "a-1")
    with pytest.raises(LastAdmin, match="make another one first"):
        admit(record, "ada", Role.REQUESTER, ISSUER, "a-1")
    assert record.users.find("ada").role is Role.ADMIN
    AccountDesk(record).add("grace", Role.ADMIN, PASSWORD, "ada")
    assert admit(record, "ada", Role.REQUESTER, ISSUER, "a-1").role is Role.REQUESTER
