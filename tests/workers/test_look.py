"""The task ``look``: a draft's photos get the answers that preparation will give."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

import workers.look
from storage import keys, object_names
from storage.settings import Settings
from storage.tickets.draft import USABLE, Draft, Look
from storage.tickets.photos import Photo
from tests.workers.cast import Cast, pixels, real_photos, saved
from tests.workers.erased import everything
from tests.workers.workshop import MODEL, Workshop, opened
from workers.look import TRIES, look
from workers.prepare import prepare

RITA = "rita"


def begun(workshop: Workshop, photos: Sequence[Photo], model: str = MODEL) -> Draft:
    draft = workshop.record.drafts.begin(RITA, {"model": model, "subject": "DSR-1"})
    return workshop.record.drafts.add(draft.ticket, RITA, photos)[0]


def seen(workshop: Workshop, draft: Draft) -> Look:
    found = workshop.record.drafts.look(draft)
    assert found is not None
    return found


def named(workshop: Workshop, draft: Draft) -> dict[str, str]:
    """Name of each photo that is refused → reason."""
    answers = seen(workshop, draft).answers
    found = {photo.name: answers[photo.sha256] for photo in draft.photos}
    return {name: reason for name, reason in found.items() if reason != USABLE}


def test_each_photo_gets_the_answer_that_preparation_gives_it(
    cloakroom: Workshop, cast: Cast
) -> None:
    twin = Photo("ada-again.jpg", saved(pixels(cast.subject[0].data), "JPEG", quality=50))
    small = Photo("small.png", saved(pixels(cast.subject[3].data)[:60, :60]))
    given = [*cast.subject[:9], twin, cast.other_subject[0], small]
    draft = begun(cloakroom, given)
    look(draft.ticket)
    assert seen(cloakroom, draft).is_of(draft)
    refused = named(cloakroom, draft)
    assert refused == {
        "ada-again.jpg": "duplicate",
        cast.other_subject[0].name: "somebody_else",
        "small.png": "not_cropped",
    }
    ticket = cloakroom.approved(given)
    prepare(ticket)
    assert {name: why for name, why, _ in cloakroom.selection(ticket).refused} == refused


def test_what_comes_in_while_a_worker_looks_is_looked_at_before_it_ends(
    cloakroom: Workshop, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = begun(cloakroom, cast.subject[:3])
    drafts, answered = cloakroom.record.drafts, workers.look.answered
    late = list(cast.subject[3:5])

    def answered_late(*given: object) -> Look:
        found = answered(*given)  # type: ignore[arg-type]
        if late:
            drafts.add(draft.ticket, RITA, [late.pop()])
            cloakroom.desk.look(draft.ticket)  # asks for nothing: one is under way
        return found

    monkeypatch.setattr(workers.look, "answered", answered_late)
    look(draft.ticket)
    whole = drafts.get(draft.ticket, RITA)
    assert len(whole.photos) == 5
    assert seen(cloakroom, whole).is_of(whole)
    assert not cloakroom.record.redis.exists(keys.look_asked(draft.ticket))


def test_photos_of_two_people_are_told_apart(cloakroom: Workshop, cast: Cast) -> None:
    draft = begun(cloakroom, [*cast.subject[:6], *cast.other_subject[:4]])
    look(draft.ticket)
    assert seen(cloakroom, draft).two_people
    others = {photo.name for photo in cast.other_subject[:4]}
    assert named(cloakroom, draft) == dict.fromkeys(others, "somebody_else")


def test_a_draft_that_is_gone_or_names_no_model_gets_no_answer(
    cloakroom: Workshop, cast: Cast
) -> None:
    unnamed = begun(cloakroom, cast.subject[:1], model="")
    look(unnamed.ticket)
    assert cloakroom.record.drafts.look(unnamed) is None
    gone = begun(cloakroom, cast.subject[:1])
    cloakroom.record.drafts.discard(gone.ticket, RITA)
    look(gone.ticket)
    assert cloakroom.record.photos.left(gone.ticket) == 0


def test_a_model_without_its_faces_is_said_to_be_no_use_for_looking(
    cloakroom: Workshop, cast: Cast
) -> None:
    cloakroom.name_face_sets("lost", "benchmark")
    draft = begun(cloakroom, cast.subject[:3])
    look(draft.ticket)
    assert seen(cloakroom, draft).problem


def test_a_draft_whose_looks_never_end_is_given_up(cloakroom: Workshop, cast: Cast) -> None:
    draft = begun(cloakroom, cast.subject[:3])
    cloakroom.record.redis.set(keys.look_tries(draft.ticket), TRIES)
    look(draft.ticket)
    assert seen(cloakroom, draft).problem


def test_a_look_leaves_no_file_s_name_in_redis_or_in_what_it_kept(
    cloakroom: Workshop, cast: Cast, capfd: pytest.CaptureFixture[str]
) -> None:
    draft = begun(cloakroom, [*cast.subject[:3], cast.other_subject[0]])
    cloakroom.desk.look(draft.ticket)
    look(draft.ticket)
    kept = cloakroom.record.objects.get(object_names.look(draft.ticket))
    said = "".join(capfd.readouterr()).encode()
    for place in (everything(cloakroom.settings.redis_url), kept, said):
        assert b"holiday" not in place


def test_a_real_recogniser_tells_a_real_person_from_another(
    settings: Settings, shared_faces: Path
) -> None:
    model = shared_faces / "models" / "mobilefacenet.onnx"
    subject, other, *others = [f"p{number:02}" for number in range(1, 17)]
    reference = {who: [one.data for one in real_photos(shared_faces, who, 12)] for who in others}
    with opened(settings) as workshop:
        workshop.add_model(reference, {"nobody": [b"never read"]}, model)
        given = [*real_photos(shared_faces, subject, 8), *real_photos(shared_faces, other, 1)]
        draft = begun(workshop, [Photo(str(at), one.data) for at, one in enumerate(given)])
        look(draft.ticket)
        assert named(workshop, draft) == {"8": "somebody_else"}
