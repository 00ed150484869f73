"""The demo's recogniser: a narrow MobileFaceNet (arXiv 1804.07573), plain convolutions inside.

At 112x112 plain 3x3 convolutions of few channels run faster on a CPU than depthwise ones of many.
"""

from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

DIMENSIONS = 128
MEAN, SCALE = 127.5, 1 / 127.5  # of the input, RGB in 0 … 255


def convolve(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.PReLU(outputs),
    )


class Residual(nn.Module):
    """Two convolutions and a way around them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = convolve(channels, channels, 3)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.norm.weight)  # starts as the identity

    def forward(self, x: Tensor) -> Tensor:
        around: Tensor = x + self.norm(self.second(self.first(x)))
        return around


class Recogniser(nn.Module):
    """(B, 3, 112, 112) RGB in 0 … 255 → (B, 128) embeddings, not normalised."""

    mean: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN))
        self.register_buffer("scale", torch.tensor(SCALE))
        self.body = nn.Sequential(
            convolve(3, 16, 3, 2),  # 56x56
            convolve(16, 24, 3, 2),  # 28x28
            Residual(24),
            convolve(24, 48, 3, 2),  # 14x14
            Residual(48),
            convolve(48, 72, 3, 2),  # 7x7
            Residual(72),
            convolve(72, 192, 1),
        )
        self.tail = nn.Sequential(
            nn.Conv2d(192, 192, 7, groups=192, bias=False),  # global depthwise, 1x1
            nn.BatchNorm2d(192),
            nn.Conv2d(192, DIMENSIONS, 1, bias=False),
            nn.BatchNorm2d(DIMENSIONS),
            nn.Flatten(),
        )

    def forward(self, pictures: Tensor) -> Tensor:
        embeddings: Tensor = self.tail(self.body((pictures - self.mean) * self.scale))
        return embeddings


def write_onnx(network: Recogniser, path: Path) -> None:
    """Write one file for inference: BatchNorm folded, any batch, `input0` → `output0`.

    Its first two nodes are named Sub… and Mul…, by which InsightFace knows that the
    normalisation is inside.
    """
    torch.onnx.export(
        network.eval(),
        (torch.zeros(1, 3, 112, 112),),
        str(path),
        input_names=["input0"],
        output_names=["output0"],
        dynamic_axes={"input0": {0: "batch"}, "output0": {0: "batch"}},
        opset_version=17,
        dynamo=False,
    )
    model = onnx.load(path)
    for node in model.graph.node:
        if node.op_type in ("Sub", "Mul"):
            node.name = f"{node.op_type}_input"
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
