"""Nobody acts under a name that the record gives to a machine."""

from __future__ import annotations

import pytest

from storage import names
from storage.accounts.desk import AccountDesk
from storage.accounts.external import admit
from storage.accounts.roles import Role
from storage.names import BadName
from storage.record import Record
from tests.web.conftest import PASSWORD
from web.tickets.timeline import MACHINES


def test_every_machine_that_the_record_names_is_known() -> None:
    assert set(MACHINES) == names.MACHINES


@pytest.mark.parametrize("name", sorted(MACHINES))
def test_no_account_is_called_as_a_machine_is(record: Record, name: str) -> None:
    """Else what its owner did would stand in a ticket's history as done by “a worker”."""
    with pytest.raises(BadName, match="acts under this name"):
        AccountDesk(record).add(name, Role.APPROVER, PASSWORD, "root")
    with pytest.raises(BadName, match="acts under this name"):
        admit(record, name, Role.APPROVER, "https://id.example.org", "0001")
    assert record.users.get(name) is None
