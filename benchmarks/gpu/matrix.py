"""How fast this device multiplies matrices: what every other rate is held against."""

from __future__ import annotations

import time

import torch

SIDES = {"cuda": 8192, "cpu": 1024}
SECONDS = {"cuda": 1.0, "cpu": 0.2}  # of each turn, at least
TURNS = 3  # the best counts: whatever else runs here only slows it


def wait(device: torch.device) -> None:
    """Until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def matrix_rate(device: torch.device, kind: torch.dtype) -> float:
    """FLOP/s of a square product in this type; float32 without TF32."""
    side = SIDES[device.type]
    one, other = (torch.randn(side, side, device=device).to(kind) for _ in range(2))
    out = torch.empty_like(one)
    torch.matmul(one, other, out=out)
    best = 0.0
    for _ in range(TURNS):
        wait(device)
        start, done = time.perf_counter(), 0
        while (taken := time.perf_counter() - start) < SECONDS[device.type]:
            torch.matmul(one, other, out=out)
            wait(device)
            done += 1
        best = max(best, 2 * side**3 * done / taken)
    return best
