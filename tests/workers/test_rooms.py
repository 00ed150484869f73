"""Rooms: which networks have them, and which initialisers they name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from tests.recognizer.networks import InvertedResidual, ReLU6MobileFaceNet, export, randomise
from workers.recognizer import Recognizer
from workers.unlearning import Plan
from workers.unlearning.frozen import choose_cut
from workers.unlearning.rooms import Rooms


def exported(network: nn.Module, folder: Path, opset: int = 17) -> Recognizer:
    torch.manual_seed(0)
    return Recognizer.load(export(randomise(network).eval(), folder / "model.onnx", opset))


def rooms_of(recognizer: Recognizer) -> Rooms | None:
    return Rooms.find(recognizer, choose_cut(recognizer.cut_points(), Plan()))


def values(recognizer: Recognizer, name: str) -> NDArray[np.float32]:
    return np.array(recognizer.file.array(name), dtype=np.float32)


@pytest.mark.parametrize(("blocks", "opset"), [(2, 17), (2, 9), (3, 17)])
def test_rooms_are_the_last_two_blocks_and_name_their_own_initialisers(
    tmp_path: Path, blocks: int, opset: int
) -> None:
    network = ReLU6MobileFaceNet(blocks)
    recognizer = exported(network, tmp_path, opset)
    rooms = rooms_of(recognizer)
    assert rooms
    for block, own in ((rooms.first, network.blocks[-2]), (rooms.second, network.blocks[-1])):
        for layer in ("expand", "depthwise", "project"):
            found = getattr(block, layer)
            weight, bias = folded(getattr(own, layer))
            assert np.allclose(values(recognizer, found.weight), weight, atol=1e-5)
            assert np.allclose(values(recognizer, found.bias), bias, atol=1e-5)
    weight, bias = folded(network.reader)
    assert np.allclose(values(recognizer, rooms.reader.weight), weight, atol=1e-5)
    assert np.allclose(values(recognizer, rooms.reader.bias), bias, atol=1e-5)
    assert rooms.first.output == rooms.second.source


def folded(layer: nn.Module) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weight and bias of a convolution with the BatchNorm behind it."""
    conv, norm = layer[0], layer[1]  # type: ignore[index]
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    weight = conv.weight * scale[:, None, None, None]
    bias = norm.bias - norm.running_mean * scale
    return weight.detach().numpy(), bias.detach().numpy()


def test_rooms_are_found_in_the_real_mobilefacenet_right_behind_its_cut(
    shared_faces: Path,
) -> None:
    real = Recognizer.load(shared_faces / "models" / "mobilefacenet.onnx")
    rooms = rooms_of(real)
    assert rooms
    assert rooms.first.source == choose_cut(real.cut_points(), Plan()).tensor
    for block in (rooms.first, rooms.second):
        layers = (block.expand, block.depthwise, block.project)
        shapes = [values(real, layer.weight).shape for layer in layers]
        assert shapes == [(256, 128, 1, 1), (256, 1, 3, 3), (128, 256, 1, 1)]
    assert values(real, rooms.reader.weight).shape == (512, 128, 1, 1)


def test_a_network_of_prelus_has_no_rooms(recognizer: Recognizer) -> None:
    assert rooms_of(recognizer) is None


class TwoReaders(ReLU6MobileFaceNet):
    """The last block's output is read twice."""

    def __init__(self) -> None:
        super().__init__()
        self.side = nn.Conv2d(12, 32, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(self.stem(x))
        x = self.reader(x) * torch.sigmoid(self.side(x))
        return torch.flatten(self.conv(self.depthwise(x)), 1)


class Bypassed(ReLU6MobileFaceNet):
    """What the last block's first layer makes is read behind the block, too."""

    def forward(self, x: Tensor) -> Tensor:
        first, second = blocks_of(self)
        x = first(self.stem(x))
        made = second.expand(x)
        x = x + second.project(F.relu6(second.depthwise(F.relu6(made))))
        x = self.reader(x) * torch.sigmoid(made)
        return torch.flatten(self.conv(self.depthwise(x)), 1)


class ClosedByReLU5(ReLU6MobileFaceNet):
    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block in blocks_of(self):
            hidden = F.hardtanh(block.expand(x), 0.0, 5.0)
            x = x + block.project(F.hardtanh(block.depthwise(hidden), 0.0, 5.0))
        return torch.flatten(self.conv(self.depthwise(self.reader(x))), 1)


def blocks_of(network: ReLU6MobileFaceNet) -> list[InvertedResidual]:
    return [block for block in network.blocks if isinstance(block, InvertedResidual)]


@pytest.mark.parametrize("network", [TwoReaders, Bypassed, ClosedByReLU5])
def test_a_network_whose_last_blocks_are_of_another_kind_has_no_rooms(
    tmp_path: Path, network: Callable[[], nn.Module]
) -> None:
    assert rooms_of(exported(network(), tmp_path)) is None
