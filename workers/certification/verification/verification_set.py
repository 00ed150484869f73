"""A verification benchmark: crops, and which of them are compared."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np

from workers.certification.templates import Counts
from workers.certification.verification.crops import LazyCrops, decode_crop
from workers.certification.verification.pair_list import Flags, PairList
from workers.certification.verification.pooling import Pooling


class Kind(StrEnum):
    BIN = "insightface-bin"
    LFW = "lfw-pairs"
    TEMPLATES = "template-lists"


@dataclass(frozen=True, eq=False)
class VerificationSet:
    name: str
    kind: Kind
    digest: str  # SHA-256 over pictures and comparisons
    crops: LazyCrops  # (N, S, S, 3), decoded block by block
    pairs: Counts  # (M, 2) rows of crops; of templates where there is a pooling
    mated: Flags  # (M,)
    folds: Counts  # (M,) 0 to F − 1; all 0 for template lists, which have none
    people: Counts | None = None  # (N,) a number for the person in each crop, where known
    pooling: Pooling | None = None  # how crops make templates

    @classmethod
    def of_pairs(cls, name: str, kind: Kind, found: PairList, size: int) -> VerificationSet:
        """Comparisons of single pictures, which are decoded to crops of ``size`` pixels a side."""
        crops = LazyCrops(
            len(found.photos),
            size,
            lambda row: decode_crop(found.read(row), found.names[row], size),
        )
        return cls(
            name, kind, found.digest, crops, found.pairs, found.mated, found.folds, found.people
        )

    def check(self) -> None:
        """Decodes every picture once, so that a bad one is found before any is embedded.

        Raises:
            BadPhoto
        """
        for _ in self.crops.blocks():
            pass

    @cached_property
    def pair_people(self) -> Counts | None:
        """(M, 2): the people of each comparison, where known."""
        return None if self.people is None else self.people[self.pairs]

    @property
    def sample(self) -> dict[str, int]:
        """What its figures are measured on; see ``figures.SAMPLES``."""
        known = {} if self.people is None else {"people": len(np.unique(self.people))}
        return known | {
            "photos": len(self.crops),
            "comparisons": len(self.pairs),
            "non_mated": int(np.count_nonzero(~self.mated)),
        }
