"""Spread: the tail of a big network trains on several GPUs at once, by DistributedDataParallel.

Each process has one GPU and embeds its part of a batch. The losses compare every view with every
other, so no process could compute its part of one: the first process gathers the embeddings,
computes the one loss, and sends each part's gradient back. The gradients of the weights are summed
over the processes: they are those of one process, to the rounding of float32. The other processes
know the network and nothing of the run; they get the weights before each step, and photos' views
as activations at the cut.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from workers.parent import end_with_parent
from workers.recognizer import CutPoint, Recognizer
from workers.recognizer.onnx_file import OnnxFile
from workers.unlearning.tail import Tail

SILENT_SECONDS = 600  # that the others wait for a step: some checks lie between two
END_SECONDS = 10


class Spread:
    """The first process's side."""

    def __init__(self, tail: Tail) -> None:
        self._tail, self._world = tail, dist.get_world_size()
        self._network = _wrapped(tail)

    def embed(self, activations: Tensor) -> tuple[Tensor, Tensor]:
        """As ``Tail.embed``, for one backward pass; (B, *cut) with B at least the processes."""
        parts = list(torch.tensor_split(activations.float(), self._world))
        for rank, part in enumerate(parts[1:], start=1):
            shape = torch.tensor(part.shape, device=self._tail.device)
            dist.send(torch.tensor(len(shape), device=shape.device), rank)
            dist.send(shape, rank)
        _share(self._tail)
        for rank, part in enumerate(parts[1:], start=1):
            dist.send(part.contiguous(), rank)
        own = self._network(parts[0])
        others = [self._remote(rank, len(part), own) for rank, part in enumerate(parts) if rank]
        pooled, templates = torch.split(torch.cat([own, *others]), self._sizes(), dim=1)
        return pooled, templates

    def _remote(self, rank: int, faces: int, like: Tensor) -> Tensor:
        """What another process made of its part; its gradient goes back there."""
        made = like.detach().new_empty(faces, like.shape[1])
        dist.recv(made, rank)
        made.requires_grad_()
        made.register_hook(  # type: ignore[no-untyped-call]
            lambda gradient: dist.send(gradient.contiguous(), rank)
        )
        return made

    def _sizes(self) -> list[int]:
        return list(self._network.module.sizes)

    def end(self) -> None:
        for rank in range(1, self._world):
            dist.send(torch.tensor(0, device=self._tail.device), rank)


class _Packed(nn.Module):
    """(B, *cut) → (B, F + D): pooled features and templates, in one tensor with one gradient."""

    def __init__(self, tail: Tail) -> None:
        super().__init__()
        self.weights = nn.ParameterList(tail.parameters())
        self.sizes: tuple[int, int] = (0, 0)
        self._embed = tail.embed

    def forward(self, activations: Tensor) -> Tensor:
        pooled, templates = self._embed(activations)
        self.sizes = pooled.shape[1], templates.shape[1]
        return torch.cat([pooled, templates], dim=1)


def _wrapped(tail: Tail) -> DistributedDataParallel:
    made = DistributedDataParallel(_Packed(tail))
    made.register_comm_hook(None, lambda _, bucket: _summed(bucket))  # torch reads the names
    return made


def _summed(bucket: Any) -> torch.futures.Future[Tensor]:
    """Of all parts' gradients, where DDP would take the mean of whole losses'."""
    work = dist.all_reduce(bucket.buffer(), async_op=True)
    found: torch.futures.Future[Tensor] = work.get_future().then(lambda done: done.value()[0])
    return found


@torch.no_grad()
def _share(tail: Tail) -> None:
    """The first process's weights become everybody's: it alone has the optimiser."""
    for weight in tail.parameters():
        dist.broadcast(weight.data, 0)


@contextmanager
def spread(recognizer: Recognizer, cut: CutPoint, tail: Tail, processes: int) -> Iterator[Spread]:
    """Starts the other processes, one for each GPU but the first; they end with this one."""
    with tempfile.TemporaryDirectory(prefix="lethe-") as folder:
        meet = Path(folder) / "meet"
        others = [_start(recognizer, cut, rank, processes, meet) for rank in range(1, processes)]
        try:
            _join(tail.device, 0, processes, meet)
            made = Spread(tail)
            yield made
            made.end()
        finally:
            if dist.is_initialized():
                dist.destroy_process_group()
            _end(others)


def _start(
    recognizer: Recognizer, cut: CutPoint, rank: int, processes: int, meet: Path
) -> subprocess.Popen[bytes]:
    given = [str(recognizer.path), cut.tensor, str(rank), str(processes), str(meet)]
    command = [sys.executable, "-m", "workers.unlearning.spread", *given, str(os.getpid())]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - our own module


def _end(others: list[subprocess.Popen[bytes]]) -> None:
    for other in others:
        try:
            other.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            other.kill()
            other.wait()


def _join(device: torch.device, rank: int, processes: int, meet: Path) -> None:
    dist.init_process_group(
        "nccl" if device.type == "cuda" else "gloo",
        init_method=f"file://{meet}",
        rank=rank,
        world_size=processes,
        timeout=timedelta(seconds=SILENT_SECONDS),
    )


def _help(tail: Tail) -> None:
    """What another process does until the first one ends it."""
    network = _wrapped(tail)
    while True:
        dims = torch.zeros((), dtype=torch.int64, device=tail.device)
        dist.recv(dims, 0)
        if not int(dims):
            return
        shape = torch.zeros(int(dims), dtype=torch.int64, device=tail.device)
        dist.recv(shape, 0)
        _share(tail)
        part = torch.empty(shape.tolist(), device=tail.device)
        dist.recv(part, 0)
        made = network(part)
        dist.send(made.detach(), 0)
        gradient = torch.empty_like(made)
        dist.recv(gradient, 0)
        network.zero_grad(set_to_none=True)
        made.backward(gradient)


def _main(path: str, tensor: str, rank: str, processes: str, meet: str, parent: str) -> None:
    end_with_parent(int(parent))
    if torch.cuda.is_available():
        torch.cuda.set_device(int(rank))
    recognizer = Recognizer(OnnxFile.read(Path(path)))
    cut = next(point for point in recognizer.cut_points() if point.tensor == tensor)
    tail = Tail(recognizer, cut)
    _join(tail.device, int(rank), int(processes), Path(meet))
    try:
        _help(tail)
    finally:
        dist.destroy_process_group()


if __name__ == "__main__":
    _main(*sys.argv[1:])
