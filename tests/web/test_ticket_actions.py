"""What people do with a ticket on its page."""

import io
from collections.abc import Callable
from datetime import date, timedelta

from storage.accounts.users import Role
from storage.record import Record
from storage.tickets.photos import Selection
from storage.tickets.request import months_after
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from tests.web.conftest import Visitor, jpeg
from web.operations import fleet
from web.services import services

S = State
PREPARED = (S.APPROVED, S.PREPARING, S.QUEUED)
Submit = Callable[..., Ticket]
Visit = Callable[..., Visitor]
SCRIPT = "<script>alert(1)</script>"


def test_a_requester_cannot_approve(visit: Visit, submitted: Submit, record: Record) -> None:
    ticket = submitted()
    answer = visit(Role.REQUESTER).post(f"/tickets/{ticket.id}/approve")
    assert answer.status_code == 403
    assert record.tickets.load(ticket.id).state is State.SUBMITTED


def test_an_approval_is_recorded_with_its_name_and_sends_the_preparation(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    ticket, paul = submitted(), visit(Role.APPROVER)
    assert "Approve</button>" in paul.get(f"/tickets/{ticket.id}").text
    assert paul.post(f"/tickets/{ticket.id}/approve").status_code == 303
    last = record.tickets.events(ticket.id)[-1]
    assert (last.state, last.actor) == (State.APPROVED, "approver")
    with paul.client.application.app_context():
        assert fleet.queue_lengths(services().queue) == {"cpu": 1, "gpu": 0}


def test_a_second_approval_is_a_conflict_and_leaves_the_ticket_alone(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    ticket, paul = submitted(), visit(Role.APPROVER)
    paul.post(f"/tickets/{ticket.id}/approve")
    again = paul.post(f"/tickets/{ticket.id}/approve")
    assert again.status_code == 409
    assert "is approved and cannot become approved" in again.text
    assert len(record.tickets.events(ticket.id)) == 2


def test_a_denial_needs_a_reason_shows_it_escaped_and_removes_the_photos(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    ticket, paul = submitted(), visit(Role.APPROVER)
    assert paul.post(f"/tickets/{ticket.id}/deny", {"reason": "  "}).status_code == 400
    assert record.photos.left(ticket.id) > 0
    assert paul.post(f"/tickets/{ticket.id}/deny", {"reason": SCRIPT}).status_code == 303
    page = paul.get(f"/tickets/{ticket.id}").text
    assert SCRIPT not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert record.photos.left(ticket.id) == 0
    assert "all removed" in page


def test_a_requester_cancels_their_own_ticket_and_nobody_elses(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    own, other = submitted("requester"), submitted("somebody")
    rita = visit(Role.REQUESTER)
    assert "Cancel the ticket" not in rita.get(f"/tickets/{other.id}").text
    assert rita.post(f"/tickets/{other.id}/cancel").status_code == 403
    assert rita.post(f"/tickets/{own.id}/cancel").status_code == 303
    assert record.tickets.load(other.id).state is State.SUBMITTED
    assert record.tickets.load(own.id).state is State.CANCELLED


def test_a_failed_ticket_goes_on_where_its_work_stopped(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    ticket = submitted(then=(*PREPARED, S.UNLEARNING, S.FAILED))
    record.photos.keep_selection(ticket.id, Selection(("a", "b"), ("c",), ()))
    paul = visit(Role.APPROVER)
    assert paul.post(f"/tickets/{ticket.id}/retry").status_code == 303
    assert record.tickets.load(ticket.id).state is State.QUEUED


def test_a_deadline_is_extended_with_a_reason_and_within_the_law_alone(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    ticket, paul = submitted(), visit(Role.APPROVER)
    last = months_after(date.today(), 3)
    page = paul.get(f"/tickets/{ticket.id}").text
    assert f'max="{last}"' in page
    path = f"/tickets/{ticket.id}/extend"
    new = {"deadline": last.isoformat(), "reason": "many requests at once"}
    assert paul.post(path, {**new, "reason": " "}).status_code == 400
    assert paul.post(path, {**new, "deadline": "soon"}).status_code == 400
    later = {**new, "deadline": (last + timedelta(days=1)).isoformat()}
    assert "GDPR Art. 12(3)" in paul.post(path, later).text
    assert record.tickets.load(ticket.id).deadline == ticket.deadline
    assert paul.post(path, new).status_code == 303
    assert record.tickets.load(ticket.id).deadline == last.isoformat()
    page = paul.get(f"/tickets/{ticket.id}").text
    assert "Deadline extended" in page
    assert "many requests at once" in page
    assert path not in page  # there is no later day that the law allows


def test_photos_are_added_to_a_ticket_that_needs_them_and_bad_ones_are_named(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    needy = (S.APPROVED, S.PREPARING, S.NEEDS_PHOTOS)
    own, other = submitted("requester", then=needy), submitted("somebody", then=needy)
    rita = visit(Role.REQUESTER)
    path = f"/tickets/{own.id}/photos"
    assert "Add photos" in rita.get(f"/tickets/{own.id}").text
    assert "Add photos" not in rita.get(f"/tickets/{other.id}").text
    assert rita.post(f"/tickets/{other.id}/photos").status_code == 403
    bad = rita.post(path, {"photos": (io.BytesIO(b"no picture"), "<b>.jpg")})
    assert bad.status_code == 422
    assert "&lt;b&gt;.jpg: " in bad.text
    assert record.tickets.load(own.id).state is S.NEEDS_PHOTOS
    good = rita.post(path, {"photos": (io.BytesIO(jpeg(9)), "another.jpg")})
    assert good.status_code == 303
    moved = record.tickets.load(own.id)
    assert (moved.state, moved.photos) == (S.APPROVED, 4)


def test_an_ended_ticket_leaves_the_lists_and_comes_back(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    open_, ended = submitted(), submitted(then=(S.DENIED,))
    paul = visit(Role.APPROVER)
    assert paul.post(f"/tickets/{open_.id}/archive").status_code == 409
    path = f"/tickets/{ended.id}"
    assert paul.post(f"{path}/archive", {"reason": "done"}).status_code == 303
    assert record.tickets.load(ended.id).archived
    page = paul.get(path).text
    assert "Archived" in page
    assert f"{path}/archive" not in page
    assert paul.post(f"{path}/restore").status_code == 303
    assert not record.tickets.load(ended.id).archived


def test_an_approval_says_before_what_it_will_deploy(visit: Visit, submitted: Submit) -> None:
    page = visit(Role.APPROVER).get(f"/tickets/{submitted().id}").text
    assert "prepares 3 photos" in page
    assert "A version that passes is deployed at once" in page
