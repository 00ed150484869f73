"""A network under measurement: the worker's own module, cut and tail, without ONNX Runtime."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from benchmarks.gpu.faces import normalised, photos
from workers.recognizer import CutPoint, Recognizer
from workers.recognizer.graph import GraphModule
from workers.recognizer.onnx_file import OnnxFile
from workers.unlearning.frozen import choose_cut
from workers.unlearning.plan import Plan

BATCH = 250  # faces through the whole network at once
BYTES_A_GIB = 2**30
PEOPLE = range(10**6, 10**6 + 16)  # whose mean embedding is taken out: nobody else's


class Unchecked(Recognizer):
    """Its module is not compared with ONNX Runtime, which may not be here; ``check`` does that."""

    def module(self) -> GraphModule:
        return GraphModule(self.file)


@dataclass(frozen=True, eq=False)
class Network:
    name: str
    recognizer: Recognizer
    cut: CutPoint

    @classmethod
    def open(cls, name: str, path: Path, plan: Plan) -> Network:
        centre(path)
        recognizer = Unchecked(OnnxFile.read(path))
        return cls(name, recognizer, choose_cut(recognizer.cut_points(), plan))

    @property
    def macs(self) -> int:
        """Multiply-adds of one face through the whole network."""
        return sum(self.recognizer.file.measured.macs.values())

    @property
    def values(self) -> int:
        """Of one face's activations at the cut."""
        return int(torch.Size(self.cut.shape).numel())

    def on(self, device: torch.device) -> GraphModule:
        return self.recognizer.module().to(device).requires_grad_(requires_grad=False)


def centre(path: Path) -> None:
    """Takes the mean embedding out of the last layer's bias.

    Random weights send everybody nearly one way; without what all have in common people differ, and
    so do the templates of a device that computes something else.
    """
    model = onnx.load(path)
    name = next(node for node in reversed(model.graph.node) if len(node.input) > 2).input[2]
    bias = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    module = GraphModule(OnnxFile.read(path))
    crops = torch.cat([photos(person, 1) for person in PEOPLE])
    with torch.no_grad():
        mean = module(normalised(crops, torch.device("cpu"))).mean(0).numpy()
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) - mean, name))
    onnx.save(model, path)


@torch.no_grad()
def through(
    module: GraphModule, tensor: str, crops: Tensor, device: torch.device, *, half: bool
) -> Iterator[Tensor]:
    """(N, 3, S, S) uint8 → the tensor's values on the device, a batch at a time."""
    image = module.file.image.name
    for batch in torch.split(crops, BATCH):
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            yield module.run({image: normalised(batch, device)}, [tensor])[tensor]
