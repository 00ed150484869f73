"""Arithmetic and activations."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from workers.recognizer.node import Node

FLOAT_CODES = (1, 10, 11, 16)  # TensorProto's float32, float16, double, bfloat16
INT_TYPES = {2: torch.uint8, 3: torch.int8, 6: torch.int32, 7: torch.int64, 9: torch.bool}


def _together(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Constants that stay on the host follow the data to its device."""
    if a.device == b.device:
        return a, b
    return (a.to(b.device), b) if a.device.type == "cpu" else (a, b.to(a.device))


def add(_: Node, a: Tensor, b: Tensor) -> Tensor:
    a, b = _together(a, b)
    return a + b


def sub(_: Node, a: Tensor, b: Tensor) -> Tensor:
    a, b = _together(a, b)
    return a - b


def mul(_: Node, a: Tensor, b: Tensor) -> Tensor:
    a, b = _together(a, b)
    return a * b


def div(_: Node, a: Tensor, b: Tensor) -> Tensor:
    a, b = _together(a, b)
    # ONNX divides integers towards zero
    return a / b if a.is_floating_point() else torch.div(a, b, rounding_mode="trunc")


def pow_(_: Node, a: Tensor, b: Tensor) -> Tensor:
    a, b = _together(a, b)
    return torch.pow(a, b).to(a.dtype)


def equal(_: Node, a: Tensor, b: Tensor) -> Tensor:
    a, b = _together(a, b)
    return torch.eq(a, b)


def where(_: Node, condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
    a, b = _together(a, b)
    condition, a = _together(condition, a)
    return torch.where(condition, a, b)


def sum_(node: Node, first: Tensor, *rest: Tensor) -> Tensor:
    for other in rest:
        first = add(node, first, other)
    return first


def min_(_: Node, first: Tensor, *rest: Tensor) -> Tensor:
    for other in rest:
        first = torch.minimum(*_together(first, other))
    return first


def max_(_: Node, first: Tensor, *rest: Tensor) -> Tensor:
    for other in rest:
        first = torch.maximum(*_together(first, other))
    return first


def sqrt(_: Node, x: Tensor) -> Tensor:
    return torch.sqrt(x)


def neg(_: Node, x: Tensor) -> Tensor:
    return -x


def abs_(_: Node, x: Tensor) -> Tensor:
    return torch.abs(x)


def exp(_: Node, x: Tensor) -> Tensor:
    return torch.exp(x)


def log(_: Node, x: Tensor) -> Tensor:
    return torch.log(x)


def erf(_: Node, x: Tensor) -> Tensor:
    return torch.erf(x)


def reciprocal(_: Node, x: Tensor) -> Tensor:
    return torch.reciprocal(x)


def identity(_: Node, x: Tensor, *__: Tensor | None) -> Tensor:
    """Identity; and Dropout, which does nothing after training."""
    return x


def cast(node: Node, x: Tensor) -> Tensor:
    """Every float type is float32 here: half precision is how a file stores, not how we train."""
    to = node.attributes["to"]
    return x.float() if to in FLOAT_CODES else x.to(INT_TYPES[to])


def clip(node: Node, x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    """Bounds are attributes up to opset 10, inputs from 11 on."""
    lowest = node.get("min") if low is None else low.item()
    highest = node.get("max") if high is None else high.item()
    return x if lowest is None and highest is None else torch.clamp(x, lowest, highest)


def relu(_: Node, x: Tensor) -> Tensor:
    return F.relu(x)


def leaky_relu(node: Node, x: Tensor) -> Tensor:
    return F.leaky_relu(x, node.get("alpha", 0.01))


def prelu(_: Node, x: Tensor, slope: Tensor) -> Tensor:
    one_a_channel = x.dim() > 1 and slope.shape == (x.shape[1], *[1] * (x.dim() - 2))
    if slope.numel() == 1 or one_a_channel:
        return F.prelu(x, slope.reshape(-1))
    return torch.where(x < 0, x * slope, x)


def elu(node: Node, x: Tensor) -> Tensor:
    return F.elu(x, node.get("alpha", 1.0))


def softplus(_: Node, x: Tensor) -> Tensor:
    return F.softplus(x)


def sigmoid(_: Node, x: Tensor) -> Tensor:
    return torch.sigmoid(x)


def hard_sigmoid(node: Node, x: Tensor) -> Tensor:
    return torch.clamp(x * node.get("alpha", 0.2) + node.get("beta", 0.5), 0.0, 1.0)


def hard_swish(_: Node, x: Tensor) -> Tensor:
    return F.hardswish(x)


def tanh(_: Node, x: Tensor) -> Tensor:
    return torch.tanh(x)


def gelu(node: Node, x: Tensor) -> Tensor:
    return F.gelu(x, approximate=node.get("approximate", "none"))


def softmax(node: Node, x: Tensor) -> Tensor:
    """Up to opset 12 all axes from `axis` on are one."""
    if node.opset >= 13:
        return torch.softmax(x, node.get("axis", -1))
    axis = node.get("axis", 1) % x.dim()
    return torch.softmax(x.flatten(axis), axis).reshape(x.shape)
