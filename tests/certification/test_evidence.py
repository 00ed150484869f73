"""Photos and models that nothing can be said about are refused in one line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from storage.errors import BadInput
from tests.certification.worlds import Table, World, drawn_world, strangers, unit
from workers.certification import Policy, Subject, certify
from workers.certification.templates import Crops, Templates

POLICY = Policy.named("default")


@pytest.fixture
def world() -> World:
    return drawn_world()


def refusal(world: World) -> str:
    with pytest.raises(BadInput) as refused:
        world.certify()
    message = str(refused.value)
    assert "\n" not in message
    return message


def test_models_of_different_embedding_sizes_are_refused(world: World) -> None:
    old, new = world.models()
    with pytest.raises(BadInput, match=r"128 dimensions and the new one's 64; give two versions"):
        certify(
            old, replace(new, rows=new.rows[:, :64]), world.subjects(), world.benchmark(), POLICY
        )


def test_an_embedding_that_is_not_a_number_is_refused_with_the_photo(world: World) -> None:
    broken = world.old["person02"].copy()
    broken[4, 7] = np.nan
    world.new["person02"] = broken
    assert "benchmark person02: the embedding of photo 5 of 6 by model bbbb" in refusal(world)


def test_a_subject_with_a_single_photo_is_refused(world: World) -> None:
    old, new = world.models()
    crops = world.crops("subject")
    for subject in (Subject("s", crops[:0], crops[:1]), Subject("s", crops[:5], crops[:0])):
        with pytest.raises(BadInput, match=r"subject s: .* photos, . of them held out; give at"):
            certify(old, new, [subject], world.benchmark(), POLICY)


def test_no_subject_or_the_same_one_twice_is_refused(world: World) -> None:
    old, new = world.models()
    with pytest.raises(BadInput, match="no subject to certify"):
        certify(old, new, [], world.benchmark(), POLICY)
    with pytest.raises(BadInput, match="subject subject: given twice"):
        certify(old, new, world.subjects() * 2, world.benchmark(), POLICY)


def test_a_benchmark_of_one_person_is_refused(world: World) -> None:
    world.old = {name: world.old[name] for name in ("person00", "subject")}
    assert "benchmark: 1 people with at least 2 photos; give at least 2" in refusal(world)


def test_a_benchmark_person_without_photos_is_refused(world: World) -> None:
    world.old["empty"] = np.empty((0, 128), np.float32)
    assert "benchmark empty: no photo" in refusal(world)


def test_a_benchmark_of_too_few_comparisons_for_fmr_1e_3_is_refused(world: World) -> None:
    world.old = {name: world.old[name] for name in ("person00", "person01", "person02", "subject")}
    assert "108 non-mated trials; a rate of 1e-3 needs at least 3,000" in refusal(world)


def test_a_benchmark_that_the_old_model_does_not_recognise_is_refused(world: World) -> None:
    rng = np.random.default_rng(0)
    for name in world.old:
        world.old[name] = strangers(rng, len(world.old[name]))
    assert "so nothing can be said of what is kept" in refusal(world)


def test_a_subject_among_the_benchmark_is_refused_with_the_folders_name(world: World) -> None:
    rng = np.random.default_rng(0)
    identity = world.old["subject"].mean(axis=0)
    world.old["colleague"] = unit(identity + 0.05 * rng.normal(size=(3, 128)))
    message = refusal(world)
    assert "benchmark colleague: looks like subject subject" in message
    assert "is the subject among the benchmark? remove that folder" in message


def test_people_who_look_alike_are_not_taken_for_one(world: World) -> None:
    rng = np.random.default_rng(7)
    likeness = 0.5 * unit(world.old["subject"].mean(axis=0)[None])
    lookalike = 1.2 * unit(likeness + 0.87 * strangers(rng, 1)) * np.sqrt(128)
    world.old["sibling"] = unit(lookalike + rng.normal(size=(12, 128)))
    assert "sibling" in {name for name in world.old if world.certify()}


def test_each_photo_is_embedded_once_by_each_model(world: World) -> None:
    class Counting(Table):
        def embed_pooled(self, crops: Crops) -> tuple[Templates, Templates | None]:
            seen.append(len(crops))
            return super().embed_pooled(crops)

    seen: list[int] = []
    old, new = (Counting(model.rows, model.sha256) for model in world.models())
    certify(old, new, world.subjects(), world.benchmark(), POLICY)
    assert sum(seen) == 2 * sum(len(templates) for templates in world.old.values())


def test_progress_rises_to_the_end(world: World) -> None:
    told: list[tuple[str, float]] = []
    old, new = world.models()
    certify(
        old,
        new,
        world.subjects(),
        world.benchmark(),
        POLICY,
        progress=lambda doing, share: told.append((doing, share)),
    )
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert told[-1] == ("certified", 1.0)
