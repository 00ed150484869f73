"""Convolution, pooling, linear layers and normalisation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from workers.recognizer.node import Node

CONVOLUTIONS = {3: F.conv1d, 4: F.conv2d, 5: F.conv3d}
MAX_POOLS = {3: F.max_pool1d, 4: F.max_pool2d, 5: F.max_pool3d}


def conv(node: Node, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    stride, dilation = _window(node, x)
    before, after = _padding(node, x, weight.shape[2:], stride, dilation)
    if before != after:
        x, before = F.pad(x, _pad_list(before, after)), [0] * len(before)
    function = CONVOLUTIONS[x.dim()]
    return function(x, weight, bias, stride, before, dilation, node.get("group", 1))


def max_pool(node: Node, x: Tensor) -> Tensor:
    kernel = list(node.attributes["kernel_shape"])
    stride, dilation = _window(node, x)
    before, after = _padding(node, x, kernel, stride, dilation)
    if before != after or any(2 * pad > size for pad, size in zip(before, kernel, strict=True)):
        x, before = F.pad(x, _pad_list(before, after), value=-torch.inf), [0] * len(before)
    ceil = bool(node.get("ceil_mode", 0))
    return MAX_POOLS[x.dim()](x, kernel, stride, before, dilation, ceil)


def average_pool(node: Node, x: Tensor) -> Tensor:
    """Each window's sum over how many of its pixels count: inside the image, or the padding too."""
    kernel = list(node.attributes["kernel_shape"])
    stride, dilation = _window(node, x)
    before, after = _padding(node, x, kernel, stride, dilation)
    counted = bool(node.get("count_include_pad", 0))
    plain = before == after and set(dilation) == {1} and not node.get("ceil_mode", 0)
    if plain and x.dim() == 4 and all(2 * p <= k for p, k in zip(before, kernel, strict=True)):
        return F.avg_pool2d(x, kernel, stride, before, False, counted)
    pads = _pad_list(before, after)
    # pixels that weigh 1 in the count: never those by which rounding up oversteps the padding
    weights = F.pad(torch.ones_like(x[:1, :1]), pads, value=float(counted))
    overhang = _overhang(node, weights.shape[2:], kernel, stride, dilation)
    beyond = _pad_list([0] * len(kernel), overhang)
    window = torch.ones(x.shape[1], 1, *kernel, dtype=x.dtype, device=x.device)
    convolve = CONVOLUTIONS[x.dim()]
    count = convolve(F.pad(weights, beyond), window[:1], None, stride, 0, dilation)
    padded = F.pad(F.pad(x, pads), beyond)
    return convolve(padded, window, None, stride, 0, dilation, x.shape[1]) / count


def global_average_pool(_: Node, x: Tensor) -> Tensor:
    return x.mean(dim=tuple(range(2, x.dim())), keepdim=True)


def global_max_pool(_: Node, x: Tensor) -> Tensor:
    return x.amax(dim=tuple(range(2, x.dim())), keepdim=True)


def gemm(node: Node, a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
    alpha, beta = node.get("alpha", 1.0), node.get("beta", 1.0)
    a = a.t() if node.get("transA", 0) else a
    b = b.t() if node.get("transB", 0) else b
    if alpha == beta == 1.0 and (c is None or c.shape == b.shape[1:]):
        return F.linear(a, b.t(), c)
    product: Tensor = alpha * (a @ b)
    return product if c is None else product + beta * c


def matmul(_: Node, a: Tensor, b: Tensor) -> Tensor:
    return torch.matmul(a, b)


def batch_normalization(
    node: Node, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor
) -> Tensor:
    """With its running statistics, always: a subject's few photos must not move them."""
    return F.batch_norm(x, mean, variance, scale, bias, False, 0.0, node.get("epsilon", 1e-5))


def layer_normalization(node: Node, x: Tensor, scale: Tensor, bias: Tensor | None = None) -> Tensor:
    shape = x.shape[node.get("axis", -1) % x.dim() :]
    scale = scale.expand(shape)
    bias = None if bias is None else bias.expand(shape)
    return F.layer_norm(x, shape, scale, bias, node.get("epsilon", 1e-5))


def lp_normalization(node: Node, x: Tensor) -> Tensor:
    return F.normalize(x, p=float(node.get("p", 2)), dim=node.get("axis", -1))


def _window(node: Node, x: Tensor) -> tuple[list[int], list[int]]:
    """Stride and dilation on each spatial axis."""
    ones = [1] * (x.dim() - 2)
    return list(node.get("strides", ones)), list(node.get("dilations", ones))


def _padding(
    node: Node, x: Tensor, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Padding before and after each spatial axis."""
    axes = len(kernel)
    mode = node.get("auto_pad", "NOTSET")
    if mode == "NOTSET":
        pads = list(node.get("pads", [0] * 2 * axes))
        return pads[:axes], pads[axes:]
    before, after = [0] * axes, [0] * axes
    if mode == "VALID":
        return before, after
    for i, size in enumerate(x.shape[2:]):
        reach = dilation[i] * (kernel[i] - 1) + 1
        total = max(0, (-(-size // stride[i]) - 1) * stride[i] + reach - size)
        before[i] = total // 2 if mode == "SAME_UPPER" else total - total // 2
        after[i] = total - before[i]
    return before, after


def _overhang(
    node: Node,
    sizes: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
) -> list[int]:
    """How far the last window reaches past the padding when sizes are rounded up."""
    if not node.get("ceil_mode", 0):
        return [0] * len(kernel)
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    return [(r - s) % t for r, s, t in zip(reach, sizes, stride, strict=True)]


def _pad_list(before: Sequence[int], after: Sequence[int]) -> list[int]:
    """torch lists padding from the last axis to the first."""
    pairs = zip(reversed(before), reversed(after), strict=True)
    return [pad for pair in pairs for pad in pair]
