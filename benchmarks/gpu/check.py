"""Does the device compute what the CPU computes? Asked before anything is measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.gpu import faces
from benchmarks.gpu.network import Network, through
from benchmarks.gpu.stage import Activations, set_stage
from workers.unlearning.dispersion import Dispersion
from workers.unlearning.method import Batch, Scene
from workers.unlearning.plan import Plan
from workers.unlearning.snapshot import Saver
from workers.unlearning.tail import Tail
from workers.unlearning.training import Training

FACES = 4
PHOTOS, REFERENCE, STEPS = 4, 20, 3
CPU = torch.device("cpu")
# Of a template's values, and of a step's loss. bfloat16's last digit is worth 65,000 of float32's;
# the loss weighs how far a reference face was moved, if only by rounding, 160 times.
TEMPLATES = {False: 1e-4, True: 5e-2}
LOSSES = {False: 1e-3, True: 2e-1}


@dataclass(frozen=True)
class Check:
    what: str
    apart: float
    bound: float

    @property
    def kept(self) -> bool:
        return self.apart <= self.bound

    def __str__(self) -> str:
        verdict = "agree" if self.kept else "DISAGREE"
        return f"{self.what:58}{self.apart:10.1e}  (at most {self.bound:.0e})  {verdict}"


def compare(network: Network, device: torch.device, *, half: bool) -> Iterator[Check]:
    """Templates against the CPU's in double precision, losses against the CPU's in single."""
    kind = "bf16" if half else "fp32"
    crops = torch.cat([faces.photos(person, 1) for person in range(1, 1 + FACES)])
    made = torch.cat(list(_templates(network, crops, device, half=half)))
    apart = float((made.double() - _exact(network, crops)).abs().max())
    yield Check(f"{network.name}, {kind}: templates of {FACES} faces", apart, TEMPLATES[half])
    stage = _Stage(network)
    ours, exact = stage.losses(device, half=half), stage.losses(CPU, half=False)
    apart = float(((ours - exact) / exact).abs().max())
    yield Check(f"{network.name}, {kind}: losses of {STEPS} steps, relative", apart, LOSSES[half])


def _templates(
    network: Network, crops: Tensor, device: torch.device, *, half: bool
) -> Iterator[Tensor]:
    module, output = network.on(device), network.recognizer.output_name
    for batch in through(module, output, crops, device, half=half):
        yield F.normalize(batch.float()).cpu()


@torch.no_grad()
def _exact(network: Network, crops: Tensor) -> Tensor:
    """(N, D) double precision."""
    module = network.recognizer.module().double()
    return F.normalize(module(faces.normalised(crops, CPU).double()))


class _Stage:
    """A few faces at the cut, as the CPU makes them."""

    def __init__(self, network: Network) -> None:
        self._network, made = network, Activations(network, CPU, half=False)
        self._plan = Plan(
            "dispersion", steps=STEPS, learning_rate=1e-4, light_views=2, strong_views=2,
            light_batch=8, strong_batch=4, reference_batch=12,
        )  # fmt: skip
        self._subject = made.subject(PHOTOS, self._plan)
        self._reference = made.reference(REFERENCE, self._plan)

    def losses(self, device: torch.device, *, half: bool) -> Tensor:
        """(STEPS,) of the same seed."""
        tail = Tail(self._network.recognizer, self._network.cut, device, half)
        scene = set_stage(
            self._network, tail, self._subject, self._reference, REFERENCE, self._plan
        )
        method = _Told(scene)
        Training(method, None, lambda _: None, Saver(None, "")).run()
        return torch.stack(method.losses).double().cpu()


class _Told(Dispersion):
    """Dispersion, the method of every network, that tells the loss of each step."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.losses: list[Tensor] = []

    def loss(self, batch: Batch, done: float) -> dict[str, Tensor]:
        terms = super().loss(batch, done)
        self.losses.append(torch.stack(list(terms.values())).sum().detach())
        return terms
