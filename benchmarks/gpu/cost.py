"""What one erasure costs: each part timed, and held against the device's matrix product."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.gpu import faces
from benchmarks.gpu.matrix import wait
from benchmarks.gpu.network import BATCH, BYTES_A_GIB, Network, through
from benchmarks.gpu.stage import PHOTOS, VIEWS, Activations, set_stage
from workers.unlearning import methods
from workers.unlearning.plan import Plan
from workers.unlearning.snapshot import Saver
from workers.unlearning.tail import Tail
from workers.unlearning.training import Diverged, Training

PASSES = 3  # of a step through the tail: forward, and backward to activations and to weights
# Host memory for each value at the cut of each reference face: itself and its views in half
# precision; behind a gate also, in single precision, the faces and three blends of each.
HOST_BYTES = {False: 2 * (1 + VIEWS) + 2, True: 50}


class NoRoom(Exception):
    """The row is left out; the message says why."""


@dataclass(frozen=True)
class Cost:
    note: str  # what the method was carried out as
    embedded: float  # faces a second, through the whole network
    activations: float  # seconds: subject's and reference faces, drawn and brought to the cut
    preparing: float  # seconds: old templates, and what the method builds before its steps
    stepping: float  # seconds
    steps: int
    device_gib: float  # at most, of what torch held
    host_gib: float  # resident, of this process at its most so far
    embedding_share: float  # of the matrix product's rate
    stepping_share: float

    @property
    def seconds(self) -> float:
        return self.activations + self.preparing + self.stepping


def measure(
    network: Network,
    device: torch.device,
    count: int,
    plan: Plan,
    rate: float,
    *,
    half: bool,
    embedded: int = 4 * BATCH,
) -> Cost:
    """An erasure of one subject with ``count`` reference faces; ``rate``: FLOP/s in this type.

    ``embedded``: how many faces the rate of embedding is measured with.

    Raises:
        NoRoom: too little memory, or the training failed.
    """
    _check_room(network, count, plan)
    try:
        return _measured(network, device, count, plan, rate, half=half, embedded=embedded)
    except torch.OutOfMemoryError:
        raise NoRoom("the device's memory is too small for it") from None
    except Diverged as failure:
        raise NoRoom(f"the training failed on random weights: {failure}") from None


def _measured(
    network: Network,
    device: torch.device,
    count: int,
    plan: Plan,
    rate: float,
    *,
    half: bool,
    embedded: int = 4 * BATCH,
) -> Cost:
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    faces_a_second = embedding_rate(network, device, embedded, half=half)
    clock = _Clock(device)
    made = Activations(network, device, half=half)
    subject, reference = made.subject(PHOTOS, plan), made.reference(count, plan)
    activations = clock.lap()
    tail = Tail(network.recognizer, network.cut, device, half)
    torch.manual_seed(plan.seed)
    method = methods.make(set_stage(network, tail, subject, reference, count, plan))
    preparing = clock.lap()
    training = Training(method, None, lambda _: None, Saver(None, ""))
    training.run()
    stepping, steps = clock.lap(), training.course.step
    shown = plan.light_batch + plan.strong_batch + plan.reference_batch
    work = 2 * PASSES * network.cut.macs_after * shown * steps / stepping
    return Cost(
        method.note, faces_a_second, activations, preparing, stepping, steps, _device_gib(device),
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / BYTES_A_GIB,
        2 * network.macs * faces_a_second / rate, work / rate,
    )  # fmt: skip


def embedding_rate(network: Network, device: torch.device, count: int, *, half: bool) -> float:
    """Faces a second from pixels on the host to embeddings on the host, after one warm batch."""
    module, output = network.on(device), network.recognizer.output_name
    crops = faces.photos(1, min(count, BATCH)).repeat(-(-count // BATCH), 1, 1, 1)[:count]

    def embed(shown: torch.Tensor) -> None:
        for batch in through(module, output, shown, device, half=half):
            batch.float().cpu()

    embed(crops[:BATCH])
    clock = _Clock(device)
    embed(crops)
    return len(crops) / clock.lap()


class _Clock:
    def __init__(self, device: torch.device) -> None:
        self._device = device
        wait(device)
        self._last = time.perf_counter()

    def lap(self) -> float:
        """Seconds since the last lap, or the beginning."""
        wait(self._device)
        before, self._last = self._last, time.perf_counter()
        return self._last - before


def _device_gib(device: torch.device) -> float:
    if device.type != "cuda":
        return 0.0
    return torch.cuda.max_memory_allocated(device) / BYTES_A_GIB


def _check_room(network: Network, count: int, plan: Plan) -> None:
    from workers.unlearning.rooms import Rooms

    gated = plan.method == "gated" and Rooms.find(network.recognizer, network.cut) is not None
    needed = HOST_BYTES[gated] * network.values * count / BYTES_A_GIB
    there = _available_gib()
    if needed > there:
        raise NoRoom(f"needs about {needed:.0f} GiB of this machine's memory, {there:.0f} are free")


def _available_gib() -> float:
    """Memory that can be had without swapping; where nobody says, enough."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return float("inf")
    found = next(line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    return int(found) * 1024 / BYTES_A_GIB
