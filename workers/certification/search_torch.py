"""The exhaustive search by torch, for GPUs.

The host fills one pinned buffer while the GPU compares what the other brought: nothing in the loop
waits for a result.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from workers.certification.search import Found, Ranges, blocks
from workers.certification.templates import Templates

SCORES_AT_ONCE = 2**29  # 2 GiB of a GPU's memory
PROBES_AT_ONCE = 2**14
TEMPLATES_AT_ONCE = SCORES_AT_ONCE // PROBES_AT_ONCE


def search_torch(
    gallery: Templates, probes: Templates, k: int, without: Ranges | None, device: str
) -> Found:
    """``search.search`` in float32 on ``device``, ties as by BLAS."""
    parts = [
        _Part.of(probes[first : first + PROBES_AT_ONCE], k, device)
        for first in range(0, len(probes), PROBES_AT_ONCE)
    ]
    ranges = None if without is None else torch.from_numpy(without).to(device)
    upload = _Upload((TEMPLATES_AT_ONCE, probes.shape[1]), device)
    with torch.inference_mode():
        for start, templates in blocks(gallery, TEMPLATES_AT_ONCE):
            there = upload(templates)
            for number, part in enumerate(parts):
                first = number * PROBES_AT_ONCE
                own = None if ranges is None else ranges[first : first + PROBES_AT_ONCE] - start
                part.compare(there, own, start)
    none = Tensor()
    return Found(
        torch.cat([none, *(part.scores.cpu() for part in parts)]).numpy().reshape(-1, k),
        torch.cat([none.long(), *(part.rows.cpu() for part in parts)]).numpy().reshape(-1, k),
    )


@dataclass
class _Part:
    """Some of the probes, and the best that they have met."""

    probes: Tensor  # (m, D)
    scores: Tensor  # (m, k), falling
    rows: Tensor  # (m, k)

    @classmethod
    def of(cls, probes: Templates, k: int, device: str) -> _Part:
        there = torch.from_numpy(np.ascontiguousarray(probes, dtype=np.float32)).to(device)
        scores = torch.full((len(probes), k), -torch.inf, device=device)
        return cls(there, scores, torch.full((len(probes), k), -1, device=device))

    def compare(self, templates: Tensor, without: Tensor | None, start: int) -> None:
        scores = self.probes @ templates.T  # (m, n)
        if without is not None:
            column = torch.arange(len(templates), device=scores.device)
            out = (column >= without[:, :1]) & (column < without[:, 1:])
            scores.masked_fill_(out, -torch.inf)
        for _ in range(self.scores.shape[1]):
            values, best = scores.max(dim=1, keepdim=True)  # of equals, the first
            self._keep(values, best + start)
            scores.scatter_(1, best, -torch.inf)

    def _keep(self, values: Tensor, rows: Tensor) -> None:
        """Takes (m, 1) candidates that come after all kept; of equals, the kept go first."""
        scores = torch.cat([self.scores, values], dim=1)
        kept, order = scores.sort(dim=1, descending=True, stable=True)
        rows = torch.cat([self.rows, rows.masked_fill(values == -torch.inf, -1)], dim=1)
        self.scores, self.rows = kept[:, :-1], rows.gather(1, order)[:, :-1]


class _Upload:
    """Blocks to the device by two buffers in turn."""

    def __init__(self, shape: tuple[int, int], device: str) -> None:
        self.device = torch.device(device)
        pinned = self.device.type == "cuda"
        self._buffers = [torch.empty(shape, pin_memory=pinned) for _ in range(2)]
        self._sent: list[torch.Event | None] = [None, None]
        self._turn = 0

    def __call__(self, templates: Templates) -> Tensor:
        turn, self._turn = self._turn, 1 - self._turn
        sent = self._sent[turn]
        if sent is not None:
            sent.synchronize()
        buffer = self._buffers[turn][: len(templates)]
        np.copyto(buffer.numpy(), templates)
        there = buffer.to(self.device, non_blocking=True)
        if self.device.type == "cuda":
            sent = self._sent[turn] = torch.Event(self.device)
            sent.record()
        return there
