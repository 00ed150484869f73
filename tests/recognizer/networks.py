"""The families of face recognisers, small, in torch, and their export as people export them."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIZE, EMBEDDING = 112, 32


class ResidualBlock(nn.Module):
    """IBasicBlock of the iResNets (Duta et al. 2020), as ArcFace uses them."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs, eps=1e-5)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs, eps=1e-5)
        self.prelu = nn.PReLU(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, stride, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs, eps=1e-5)
        self.downsample = nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(self.prelu(self.bn2(self.conv1(self.bn1(x)))))
        return self.bn3(y) + self.downsample(x)


class IResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.prelu = nn.PReLU(8)
        self.blocks = nn.Sequential(ResidualBlock(8, 8, 2), ResidualBlock(8, 12, 4))
        self.bn2 = nn.BatchNorm2d(12)
        self.dropout = nn.Dropout(0.4)
        self.fc = nn.Linear(12 * 7 * 7, EMBEDDING)
        self.features = nn.BatchNorm1d(EMBEDDING)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn2(self.blocks(self.prelu(self.bn1(self.conv1(x)))))
        return self.features(self.fc(self.dropout(torch.flatten(x, 1))))


class Bottleneck(nn.Module):
    """MobileFaceNet's inverted residual (Chen et al. 2018)."""

    def __init__(self, channels: int):
        super().__init__()
        wide = 2 * channels
        self.body = nn.Sequential(
            nn.Conv2d(channels, wide, 1, bias=False),
            nn.BatchNorm2d(wide),
            nn.ReLU6(),
            nn.Conv2d(wide, wide, 3, 1, 1, groups=wide, bias=False),
            nn.BatchNorm2d(wide),
            nn.PReLU(wide),
            nn.Conv2d(wide, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class MobileFaceNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 4, 1, bias=False), nn.BatchNorm2d(8))
        self.blocks = nn.Sequential(Bottleneck(8), nn.MaxPool2d(3, 2, 1), Bottleneck(8))
        self.pool = nn.AvgPool2d(2)
        self.depthwise = nn.Conv2d(8, 16, 7, groups=8, bias=False)
        self.conv = nn.Conv2d(16, EMBEDDING, 1, bias=False)
        self.bn = nn.BatchNorm2d(EMBEDDING)

    def forward(self, x: Tensor) -> Tensor:
        x = self.depthwise(self.pool(self.blocks(F.leaky_relu(self.stem(x), 0.1))))
        x = self.bn(self.conv(x))
        return x.view(x.size(0), -1)


class InvertedResidual(nn.Module):
    """Of MobileNetV2 (Sandler et al. 2018): ReLU6 behind both of its first layers."""

    def __init__(self, channels: int, hidden: int):
        super().__init__()
        self.expand = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False), nn.BatchNorm2d(hidden)
        )
        self.depthwise = nn.Sequential(
            nn.Conv2d(hidden, hidden, 3, 1, 1, groups=hidden, bias=False), nn.BatchNorm2d(hidden)
        )
        self.project = nn.Sequential(
            nn.Conv2d(hidden, channels, 1, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.project(F.relu6(self.depthwise(F.relu6(self.expand(x)))))


class ReLU6MobileFaceNet(nn.Module):
    """MobileFaceNet on MobileNetV2's own blocks, with maps of ``side`` × ``side`` throughout."""

    def __init__(
        self, blocks: int = 2, channels: int = 12, hidden: int = 32, side: int = 7
    ) -> None:
        super().__init__()
        patch, wide = SIZE // side, 32
        self.stem = nn.Sequential(nn.Conv2d(3, channels, patch, patch), nn.BatchNorm2d(channels))
        self.blocks = nn.Sequential(*(InvertedResidual(channels, hidden) for _ in range(blocks)))
        self.reader = nn.Sequential(
            nn.Conv2d(channels, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU6()
        )
        self.depthwise = nn.Sequential(
            nn.Conv2d(wide, wide, side, groups=wide, bias=False), nn.BatchNorm2d(wide)
        )
        self.conv = nn.Conv2d(wide, EMBEDDING, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(self.depthwise(self.reader(self.blocks(self.stem(x)))))
        return torch.flatten(x, 1)


class GhostModule(nn.Module):
    """Half of the channels computed, half derived (GhostNet, Han et al. 2020), then excited."""

    def __init__(self, channels: int):
        super().__init__()
        half = channels // 2
        self.primary = nn.Conv2d(channels, half, 1)
        self.cheap = nn.Conv2d(half, half, 3, 1, 1, groups=half)
        self.squeeze = nn.Conv2d(channels, half, 1)
        self.excite = nn.Conv2d(half, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        first = F.hardswish(self.primary(x))
        both = torch.cat([first, self.cheap(first)], dim=1)
        weights = both.mean((2, 3), keepdim=True)
        weights = F.hardsigmoid(self.excite(F.relu(self.squeeze(weights))))
        a, b = both.chunk(2, dim=1)
        gated = torch.cat([a * torch.sigmoid(b), b[:, :, :, :] - a[:, :, :1, :1]], dim=1)
        return x + gated * weights


class GhostFaceNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 4, 1)
        self.blocks = nn.Sequential(GhostModule(8), nn.AvgPool2d(3, 2, 1), GhostModule(8))
        self.fc = nn.Linear(8, EMBEDDING)

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(self.blocks(F.silu(self.stem(x))), (1, 0, 1, 0))
        x = F.adaptive_avg_pool2d(x, 1).squeeze(-1).squeeze(-1)
        return F.normalize(torch.tanh(self.fc(x)))


class Block(nn.Module):
    """A transformer's block (ViT, Dosovitskiy et al. 2021) with pre-normalisation."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        attention = (q @ k.transpose(-2, -1) * (width // self.heads) ** -0.5).softmax(-1)
        x = x + self.proj((attention @ v).transpose(1, 2).reshape(batch, tokens, width))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class VisionTransformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        width, patch = 16, 28
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.token = nn.Parameter(torch.randn(1, 1, width))
        self.positions = nn.Parameter(torch.randn(1, (SIZE // patch) ** 2 + 1, width))
        self.blocks = nn.Sequential(Block(width, 4), Block(width, 4))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, EMBEDDING)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1) + self.positions
        return self.head(self.norm(self.blocks(x))[:, 0])


NETWORKS: dict[str, type[nn.Module]] = {
    "iresnet": IResNet,
    "mobilefacenet": MobileFaceNet,
    "mobilefacenet-relu6": ReLU6MobileFaceNet,
    "ghostfacenet": GhostFaceNet,
    "vit": VisionTransformer,
}


def build(name: str) -> nn.Module:
    """A network with random weights and random, plausible running statistics."""
    torch.manual_seed(0)
    return randomise(NETWORKS[name]())


def randomise(network: nn.Module) -> nn.Module:
    for parameter in network.parameters():
        # all different, because the exporter makes one initialiser of two equal ones
        nn.init.normal_(parameter, parameter.mean().item(), 0.1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            nn.init.uniform_(module.running_mean, -0.3, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return network.eval()


def calibrate(network: nn.Module, images: Tensor) -> nn.Module:
    """With the running statistics of these images, (N, 3, S, S): their embeddings spread."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # the mean of all that it sees
    with torch.no_grad():
        network.train()(images)
    return network.eval()


def export(
    network: nn.Module,
    path: Path,
    opset: int = 17,
    batch: int | None = None,
    folded: bool = True,
    inputs: bool = False,
) -> Path:
    """As the training repositories do. Not folded: every initialiser keeps its torch name."""
    mode = torch.onnx.TrainingMode.EVAL if folded else torch.onnx.TrainingMode.PRESERVE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.zeros(batch or 1, 3, SIZE, SIZE),),
            str(path),
            dynamo=False,
            opset_version=opset,
            training=mode,
            do_constant_folding=folded,
            keep_initializers_as_inputs=inputs,
            input_names=["input.1"],
            output_names=["embedding"],
            dynamic_axes=None if batch else {"input.1": {0: "N"}, "embedding": {0: "N"}},
        )
    return path
