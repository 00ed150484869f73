"""Which channels earlier erasures use: whoever was forgotten before must stay forgotten.

Their photos are gone, so nothing can be trained to hold them; but their gate and their steps can
be told from the weights alone, and are left as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from workers.unlearning.rooms import Rooms

ONE_WAY = 0.9  # cosine between the columns of one gate: all of it goes out along one direction
GATE = 8  # columns, at least; a network as trained has no two
READS = 0.25  # of what the steps read of that direction; everybody else is blind to it


@dataclass(frozen=True, eq=False)
class Taken:
    first: Tensor  # (H,) flags of the first block's hidden channels
    second: Tensor  # (H,) of the second's

    @classmethod
    def find(cls, weights: Mapping[str, Tensor], rooms: Rooms) -> Taken:
        columns = F.normalize(weights[rooms.first.project.weight][:, :, 0, 0].detach(), dim=0)
        rows = weights[rooms.second.expand.weight][:, :, 0, 0].detach()
        alike = (columns.T @ columns).abs() > ONE_WAY
        first = torch.zeros(columns.shape[1], dtype=torch.bool, device=columns.device)
        second = torch.zeros(len(rows), dtype=torch.bool, device=rows.device)
        for channel in alike.sum(1).argsort(descending=True).tolist():
            gate = alike[channel] & ~first
            if not first[channel] and int(gate.sum()) >= GATE:
                first |= gate
                read = (rows @ columns[:, channel]).abs()
                second |= read > READS * read.max()
        return cls(first, second)

    def free(self) -> tuple[int, int]:
        """How many channels of each block are left."""
        return int((~self.first).sum()), int((~self.second).sum())
