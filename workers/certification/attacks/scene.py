"""What relearning is tried on: everybody's faces at the cut, made once, and who matches whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workers.certification.attacks.identities import Identity, Indices, Others
from workers.certification.attacks.tuning import Tuning, activations, choose_cut, same_before
from workers.certification.templates import Counts, People, Templates
from workers.certification.thresholds import Threshold, at_fmr
from workers.recognizer import Recognizer

FMR = 1e-3
Pairs = NDArray[np.bool_]  # (n, n)


@dataclass(frozen=True, eq=False)
class Faces:
    """An identity's photos at the cut."""

    identity: Identity
    plain: Tensor  # (n, *cut)
    mirrored: Tensor

    def shown(self, photos: Indices) -> Tensor:
        """(2 n, *cut): these photos, and mirrored."""
        return torch.cat([self.plain[photos], self.mirrored[photos]])


@dataclass(frozen=True, eq=False)
class Scene:
    tuning: Tuning  # of the new version
    subject: Faces
    mix: Faces | None
    kept: Tensor  # (K, *cut)
    kept_sizes: Counts
    judged: Tensor  # (J, *cut)
    judged_sizes: Counts
    old_subject: Templates  # (n, D)
    old_judged: Templates  # (J, D)

    @classmethod
    def make(
        cls,
        old: Recognizer,
        new: Recognizer,
        subject: Identity,
        mix: Identity | None,
        others: Others,
    ) -> Scene:
        """
        Raises:
            BadModel: a network that cannot be trained in torch.
        """
        cut = choose_cut(new)
        crops = [subject.photos, subject.photos[:, :, ::-1], others.kept, others.judged]
        if mix is not None:
            crops += [mix.photos, mix.photos[:, :, ::-1]]
        found = activations(new, cut, np.concatenate(crops))
        own, mirrored, kept, judged, *mixed = torch.split(found, [len(some) for some in crops])
        if same_before(old, new, cut):
            by_old = Tuning(old, cut).templates(torch.cat([own, judged]))
        else:
            by_old = old.embed(np.concatenate([subject.photos, others.judged]))
        return cls(
            Tuning(new, cut),
            Faces(subject, own, mirrored),
            None if mix is None else Faces(mix, *mixed),
            kept,
            others.kept_sizes,
            judged,
            others.judged_sizes,
            by_old[: len(own)],
            by_old[len(own) :],
        )

    def matched_before(self, photos: Indices) -> tuple[Pairs, Threshold]:
        """Pairs of the subject's photos that match by the old version, each pair once."""
        return self._matched(
            self.old_subject[photos], self.old_judged, self.subject.identity.compared(photos)
        )

    def matched(self, faces: Faces, photos: Indices) -> tuple[Pairs, Threshold]:
        """Pairs of an identity's photos that match by the version as it is now."""
        own, judged = (self.tuning.templates(of) for of in (faces.plain[photos], self.judged))
        return self._matched(own, judged, faces.identity.compared(photos))

    def judged_people(self) -> tuple[People, Threshold]:
        """The people who judge, by the version as it is now, and the subject's threshold."""
        half, _ = self.subject.identity.halves()
        own, judged = (self.tuning.templates(of) for of in (self.subject.plain[half], self.judged))
        return self._people(judged), at_fmr(self._people(judged, own), (FMR,))[FMR]

    def _matched(
        self, own: Templates, judged: Templates, compared: Pairs
    ) -> tuple[Pairs, Threshold]:
        """The threshold is set on comparisons of the others, with each other and with these."""
        threshold = at_fmr(self._people(judged, own), (FMR,))[FMR]
        if threshold.value is None:
            return np.zeros_like(compared), threshold
        return compared & (own @ own.T >= threshold.value), threshold

    def _people(self, judged: Templates, *more: Templates) -> People:
        sizes = np.array([*self.judged_sizes, *map(len, more)], dtype=np.int64)
        names = tuple(str(person) for person in range(len(sizes)))
        return People(names, np.concatenate([judged, *more]), sizes)
