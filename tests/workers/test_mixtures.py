"""People who never were, and variation that is borrowed from those who are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from workers.unlearning.anchors import Anchors
from workers.unlearning.mixtures import blended, strangers
from workers.unlearning.variation import Variation


@pytest.mark.parametrize("shape", [(5, 7, 7), (3, 4, 6), (2, 1, 1), (9,), (6, 8)])
@pytest.mark.parametrize("count", [1, 40])
def test_mixtures_are_as_many_as_asked_for_and_finite_in_half_precision(
    shape: tuple[int, ...], count: int
) -> None:
    rng = np.random.default_rng(0)
    faces = torch.from_numpy(rng.normal(0, 50, (6, *shape))).half()
    for made in (strangers(faces, count, rng), blended(faces[:2], faces[2:], count, rng)):
        assert made.shape == (count, *shape)
        assert made.dtype == torch.float16
        assert made.isfinite().all()


def test_a_blend_lies_between_a_face_of_each_kind() -> None:
    own, others = torch.zeros(3, 4, 7, 7), torch.ones(5, 4, 7, 7)
    made = blended(own, others, 200, np.random.default_rng(0))
    assert made.min() == 0
    assert made.max() == 1
    assert 0.3 < made.mean() < 0.7
    even = (made == made[:, :1, :1, :1]).flatten(1).all(1)
    assert 0.3 < even.float().mean() < 0.7  # the others are cut along a line


def anchors_of(activations: Tensor, person: Sequence[int], faces: int) -> Anchors:
    templates = F.normalize(torch.ones(len(activations), 4))
    return Anchors(activations, templates, templates[:faces], np.array(person))


def test_variation_differs_between_photos_of_one_person_only() -> None:
    """Faces of three people, a view of each, and a mixture; who is constant varies by nothing."""
    person = np.array([0, 0, 1, 2, 2, 2])
    levels = torch.from_numpy(np.array([*person, *person, 9.0])).half()
    activations = levels[:, None, None, None].expand(-1, 2, 3, 3).clone()
    anchors = anchors_of(activations, [*person, *person, -1], len(person))
    drawn = Variation(anchors).draw(100, np.random.default_rng(0))
    assert drawn.shape == (100, 2, 3, 3)
    assert not drawn.any()
    activations[0] += 1
    drawn = Variation(anchors).draw(100, np.random.default_rng(0))
    assert set(drawn.flatten().tolist()) == {-1.0, 0.0, 1.0}


def test_where_nobody_has_two_photos_two_views_of_one_photo_differ() -> None:
    """Each person's views lie 1 and 2 beside the photo, and far from everybody else's."""
    photos = torch.tensor([100.0, 200.0, 300.0])
    views = (photos[:, None] + torch.tensor([1.0, 2.0])).flatten()
    activations = torch.cat([photos, views, torch.tensor([777.0])])[:, None, None, None]
    anchors = anchors_of(activations, [0, 1, 2, 0, 0, 1, 1, 2, 2, -1], 3)
    drawn = Variation(anchors).draw(100, np.random.default_rng(0))
    assert set(drawn.flatten().tolist()) == {-1.0, -2.0}
