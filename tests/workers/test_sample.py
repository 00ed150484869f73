"""The sample of reference faces: small enough, balanced, and the same every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from storage import object_names
from storage.record import Record
from storage.uploads.images import Pixels
from tests.workers.cast import Cast, crops
from workers.faces import load_face_set
from workers.recognizer import Recognizer
from workers.unlearning import Plan, unlearn
from workers.unlearning.sample import sample

SIZES = st.lists(st.integers(1, 12), min_size=1, max_size=12)


def people(sizes: list[int]) -> dict[str, Pixels]:
    """Faces of one pixel, no two alike."""
    faces = np.arange(sum(sizes) * 3, dtype=np.uint16).view(np.uint8).reshape(-1, 1, 2, 3)
    parts = np.split(faces, np.cumsum(sizes)[:-1])
    return {f"p{number}": part for number, part in enumerate(parts)}


def drawn(faces: Pixels) -> list[bytes]:
    return [face.tobytes() for face in faces]


@given(SIZES, st.integers(1, 60))
def test_nobody_gives_two_faces_more_than_somebody_who_has_more_to_give(
    sizes: list[int], most: int
) -> None:
    everybody = people(sizes)
    found = sample(everybody, most)
    counts = {who: len(found.get(who, ())) for who in everybody}
    assert sum(counts.values()) == min(most, sum(sizes))
    for who, faces in everybody.items():
        if counts[who] < len(faces):
            assert max(counts.values()) <= counts[who] + 1


@given(SIZES, st.integers(1, 60))
def test_a_sample_holds_each_persons_own_faces_once_and_is_its_own_sample(
    sizes: list[int], most: int
) -> None:
    everybody = people(sizes)
    found = sample(everybody, most)
    for who, faces in found.items():
        assert set(drawn(faces)) <= set(drawn(everybody[who]))
        assert len(set(drawn(faces))) == len(faces)
    for again in (sample(everybody, most), sample(found, most)):
        assert {who: drawn(faces) for who, faces in again.items()} == {
            who: drawn(faces) for who, faces in found.items()
        }


def test_a_run_makes_activations_of_the_sample_alone_whatever_its_seed(
    recognizer: Recognizer, cast: Cast, tmp_path: Path
) -> None:
    reference = {who: crops(photos[:4]) for who, photos in list(cast.reference.items())[:6]}
    subject = crops([photo.data for photo in cast.subject[:4]])
    for seed in (0, 1):
        plan = Plan(seed=seed, steps=1, light_views=1, strong_views=1, reference_faces=9)
        unlearn(recognizer, [subject], reference, plan, cache=tmp_path)
    (file,) = tmp_path.iterdir()
    assert len(np.load(file)) == 9


def test_of_a_kept_face_set_only_the_sampled_faces_are_read(record: Record, cast: Cast) -> None:
    record.faces.add("reference", cast.reference)
    whole = load_face_set(record, "reference", 112).sampled(40)
    for name in set(record.objects.names("facesets/reference/")) - {
        object_names.face_set("reference")
    }:
        if not _is_drawn(whole.people.get(name.split("/")[2]), record.objects.get(name)):
            record.objects.remove_all(name)
    part = load_face_set(record, "reference", 112, most=40)
    assert list(part.people) == list(whole.people)
    for who, faces in whole.people.items():
        assert drawn(part.people[who]) == drawn(faces)


def _is_drawn(faces: Pixels | None, photo: bytes) -> bool:
    return faces is not None and crops([photo])[0].tobytes() in drawn(faces)
