"""An upgrade with tickets in flight: the new Lethe goes on with what the previous one left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage import names
from storage.settings import Settings
from storage.tickets.states import ENDED, State
from tests.faults.previous import WAYS, Previous
from tests.faults.quick import (
    MODEL,
    Workshop,
    check_completed_once,
    faces,
    people,
    quick_workshop,
)
from tests.workers.cast import RECOGNISER, pixels
from workers.certification import Subject, certify
from workers.erase import erase, policy
from workers.faces import load_face_set
from workers.prepare import prepare
from workers.recognizer import Recognizer
from workers.sweep import sweep

PUBLISHED = "published"  # publishing, and its version was made: only the certificate was not
KINDS = (*WAYS, PUBLISHED)


@pytest.fixture
def workshop(settings: Settings, tmp_path: Path) -> Iterator[Workshop]:
    """Its record and its Redis are as the previous version of Lethe left them."""
    with quick_workshop(settings, tmp_path, with_model=False) as workshop:
        workshop.record.faces.add("reference", faces().reference)
        workshop.record.faces.add("benchmark", faces().benchmark)
        yield workshop


@pytest.fixture
def tickets(workshop: Workshop) -> dict[str, str]:
    """A ticket in every state → its id."""
    previous, found = Previous(workshop.record), {}
    previous.model(RECOGNISER)
    first = workshop.record.models.find(MODEL)
    for kind, photos in zip(KINDS, people(len(KINDS)), strict=True):
        ticket = found[kind] = names.new_ticket_id()
        state = "publishing" if kind == PUBLISHED else kind
        facts = _facts(workshop, ticket, photos) if state == "publishing" else {}
        previous.ticket(ticket, state, photos, facts)
    made_by = {"tickets": [found[PUBLISHED]], "seed": 0, "software": "lethe 0.1.0"}
    previous.version(RECOGNISER, 2, first.digest, made_by)
    return found


def _facts(workshop: Workshop, ticket: str, photos: list[bytes]) -> dict[str, Any]:
    network = Recognizer.load(RECOGNISER)
    crops = np.stack([pixels(photo) for photo in photos])
    reference, benchmark = (
        load_face_set(workshop.record, name, network.input_size)
        for name in ("reference", "benchmark")
    )
    own = certify(
        network,
        network,
        [Subject(ticket, crops[:4], crops[4:])],
        benchmark.people,
        policy(),
        attacks=frozenset(),
    ).for_subject(ticket)
    return {
        "certification": own.document(),
        "drawings": own.drawings(),
        "result": {"verdict": own.verdict, "headline": own.headline, "summary": own.summary()},
        "parent": 1,
        "face_sets": {"reference": reference.digest, "benchmark": benchmark.digest},
        "seed": 0,
    }


def test_every_ticket_of_the_previous_format_goes_on_to_its_end(
    workshop: Workshop, tickets: dict[str, str]
) -> None:
    record = workshop.record
    assert record.ledger.verify().broken == ()
    assert record.tickets.recent() == []  # until the sweep has been
    sweep()
    assert {ticket.id: ticket.state for ticket in record.tickets.recent()} == {
        ticket: State("publishing" if kind == PUBLISHED else kind)
        for kind, ticket in tickets.items()
    }
    workshop.desk.approve(tickets["submitted"], "grace")
    workshop.desk.cancel(tickets["needs_photos"], "ada")
    for kind in ("needs_review", "failed"):
        workshop.desk.retry(tickets[kind], "grace")
    for kind in ("submitted", "approved", "preparing"):
        prepare(tickets[kind])
    for _ in range(4):
        sweep()
        erase(MODEL)
    ended = {kind: workshop.state(ticket) for kind, ticket in tickets.items()}
    assert ended == {
        **dict.fromkeys(KINDS, State.COMPLETED),
        "needs_photos": State.CANCELLED,
        "denied": State.DENIED,
        "cancelled": State.CANCELLED,
    }
    assert [record.photos.left(ticket) for ticket in tickets.values()] == [0] * len(tickets)
    numbers = record.models.numbers(MODEL)
    completed = [tickets[kind] for kind in KINDS if ended[kind] is State.COMPLETED]
    check_completed_once(workshop, *completed, versions=len(numbers))
    assert workshop.load(tickets[PUBLISHED]).result["version"] == 2
    assert record.models.find(MODEL).number == numbers[-1]


def test_a_rebuilt_index_shows_every_ticket_of_the_previous_format(
    workshop: Workshop, tickets: dict[str, str]
) -> None:
    """Nothing of the index of then is read, and nothing of it breaks what is read now."""
    record = workshop.record
    assert record.ledger.rebuild().broken == ()
    found = {ticket.id: ticket for ticket in record.tickets.recent()}
    assert found == {ticket: record.tickets.load(ticket) for ticket in tickets.values()}
    for state in State:
        waiting = set(record.tickets.waiting(MODEL, state))
        assert waiting == {ticket for ticket in found if found[ticket].state is state}
    assert [model.name for model in record.models.all()] == [MODEL]
    assert record.models.aliases(MODEL) == {"current": 1}
    assert {ticket.id for ticket in found.values() if ticket.state in ENDED} == {
        tickets["denied"],
        tickets["cancelled"],
    }
