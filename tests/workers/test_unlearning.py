"""Unlearning: the same for the same seed, its cache, its views, its cut, and what it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.uploads.images import Pixels
from tests.workers.cast import Cast, crops
from workers.recognizer import CutPoint, Recognizer
from workers.unlearning import METHODS, Plan, Step, unlearn
from workers.unlearning.augmentation import LIGHT, STRONG, Strength, views
from workers.unlearning.frozen import at_cut, choose_cut
from workers.unlearning.loop import NothingToForget
from workers.unlearning.plan import BadPlan

QUICK = Plan(steps=3, light_views=2, strong_views=2, reference_batch=16)


@pytest.fixture(scope="module")
def faces(cast: Cast) -> tuple[Pixels, dict[str, Pixels]]:
    """Six photos of a subject, and two of each of ten other people."""
    others = list(cast.reference.items())[:10]
    subject = crops([photo.data for photo in cast.subject[:6]])
    return subject, {who: crops(photos[:2]) for who, photos in others}


Faces = tuple[Pixels, dict[str, Pixels]]


def written(recognizer: Recognizer, faces: Faces, plan: Plan, path: Path) -> str:
    """SHA-256 of the new version's file."""
    subject, reference = faces
    return recognizer.write(path, unlearn(recognizer, [subject], reference, plan).tensors)


def test_the_same_inputs_and_seed_give_the_same_file(
    recognizer: Recognizer, faces: Faces, tmp_path: Path
) -> None:
    path = tmp_path / "new.onnx"
    first = written(recognizer, faces, QUICK, path)
    assert written(recognizer, faces, QUICK, path) == first
    assert first != recognizer.sha256


def test_another_seed_gives_another_file(
    recognizer: Recognizer, faces: Faces, tmp_path: Path
) -> None:
    other = Plan(seed=1, steps=3, light_views=2, strong_views=2, reference_batch=16)
    path = tmp_path / "new.onnx"
    assert written(recognizer, faces, QUICK, path) != written(recognizer, faces, other, path)


def test_progress_rises_to_the_whole_and_shows_the_terms_of_the_loss(
    recognizer: Recognizer, faces: Faces
) -> None:
    seen: list[Step] = []
    result = unlearn(recognizer, [faces[0]], faces[1], QUICK, seen.append)
    fractions = [step.fraction for step in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)
    assert seen[-1].figures == result.figures
    assert {"disperse", "keep"} <= set(result.figures)


def test_only_weights_after_the_cut_change(recognizer: Recognizer, faces: Faces) -> None:
    (cut,) = [
        point
        for point in recognizer.cut_points()
        if point.tensor == choose_cut(recognizer.cut_points(), QUICK).tensor
    ]
    result = unlearn(recognizer, [faces[0]], faces[1], QUICK)
    assert result.cut == cut.tensor
    assert set(result.tensors) == set(cut.parameters)
    before = recognizer.file.array
    assert any(not np.array_equal(before(name), new) for name, new in result.tensors.items())


def test_the_cache_holds_the_reference_faces_and_nothing_of_the_subject(
    recognizer: Recognizer, faces: Faces, tmp_path: Path
) -> None:
    subject, reference = faces
    unlearn(recognizer, [subject], reference, QUICK, cache=tmp_path / "cache")
    (file,) = (tmp_path / "cache").iterdir()
    kept = np.load(file)
    assert len(kept) == sum(len(own) for own in reference.values())
    cut = choose_cut(recognizer.cut_points(), QUICK)
    own = at_cut(recognizer, cut, subject).astype(np.float32)
    for row in kept.reshape(-1, *cut.shape).astype(np.float32):
        assert np.abs(own - row).reshape(len(own), -1).max(1).min() > 0.1
    assert np.allclose(kept[:, 0], at_cut(recognizer, cut, np.concatenate([*reference.values()])))


def test_the_next_version_finds_the_cache_warm(
    recognizer: Recognizer, faces: Faces, tmp_path: Path
) -> None:
    subject, reference = faces
    cache, path = tmp_path / "cache", tmp_path / "new.onnx"
    recognizer.write(path, unlearn(recognizer, [subject], reference, QUICK, cache=cache).tensors)
    (file,) = cache.iterdir()
    before = file.stat()
    unlearn(Recognizer.load(path), [subject], reference, QUICK, cache=cache)
    assert list(cache.iterdir()) == [file]
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_warm_cache_gives_the_same_weights_as_none(
    recognizer: Recognizer, faces: Faces, tmp_path: Path
) -> None:
    subject, reference = faces
    cold = unlearn(recognizer, [subject], reference, QUICK).tensors
    for _ in range(2):
        warm = unlearn(recognizer, [subject], reference, QUICK, cache=tmp_path).tensors
        assert all(np.array_equal(cold[name], warm[name]) for name in cold)


def test_other_reference_faces_have_a_cache_of_their_own(
    recognizer: Recognizer, faces: Faces, tmp_path: Path
) -> None:
    subject, reference = faces
    fewer = dict(list(reference.items())[1:])
    for people in (reference, fewer):
        unlearn(recognizer, [subject], people, QUICK, cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("strength", [LIGHT, STRONG])
def test_views_are_the_same_for_the_same_seed_and_others_for_another(
    faces: Faces, strength: Strength
) -> None:
    first = views(faces[0], 4, 7, strength)
    assert first.shape == (6, 4, 112, 112, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, views(faces[0], 4, 7, strength))
    assert not np.array_equal(first, views(faces[0], 4, 8, strength))


def test_the_views_of_one_photo_differ_and_strong_ones_differ_more(faces: Faces) -> None:
    light, strong = (views(faces[0], 6, 0, each).astype(float) for each in (LIGHT, STRONG))
    for made in (light, strong):
        assert len({view.tobytes() for photo in made for view in photo}) == 36
    original = faces[0][:, None].astype(float)
    assert np.abs(strong - original).mean() > np.abs(light - original).mean()


@given(
    st.lists(st.integers(1, 10**9), min_size=1, max_size=40),
    st.floats(0.001, 1.0),
    st.integers(0, 10**9),
)
def test_the_cut_is_the_earliest_that_leaves_no_more_to_compute_than_the_plan_allows(
    costs: list[int], share: float, macs: int
) -> None:
    points = [CutPoint(f"t{cost}", (8,), (), cost) for cost in sorted(costs, reverse=True)]
    chosen = choose_cut(points, Plan(tail_share=share, tail_macs=macs))
    most = max(share * points[0].macs_after, macs)
    allowed = [point for point in points if point.macs_after <= most]
    assert chosen == (allowed[0] if allowed else points[-1])


@pytest.mark.parametrize("subjects", [[], [np.zeros((0, 112, 112, 3), np.uint8)]])
def test_without_a_photo_there_is_nothing_to_forget(
    recognizer: Recognizer, faces: Faces, subjects: Sequence[Pixels]
) -> None:
    with pytest.raises(NothingToForget, match="at least one is needed"):
        unlearn(recognizer, subjects, faces[1], QUICK)


def test_a_subject_without_photos_stops_a_run_of_several(
    recognizer: Recognizer, faces: Faces
) -> None:
    with pytest.raises(NothingToForget):
        unlearn(recognizer, [faces[0], faces[0][:0]], faces[1], QUICK)


def test_one_photo_is_enough_to_run(recognizer: Recognizer, faces: Faces) -> None:
    result = unlearn(recognizer, [faces[0][:1]], faces[1], QUICK)
    assert all(np.isfinite(weights).all() for weights in result.tensors.values())


def test_a_method_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(BadPlan, match=f"'hypnosis'.*; choose {', '.join(METHODS)}$"):
        Plan(method="hypnosis")
