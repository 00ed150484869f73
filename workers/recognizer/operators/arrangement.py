"""Shapes: what moves, cuts and joins tensors without computing on them; and reductions."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from workers.recognizer.node import Node
from workers.recognizer.shapes import constant_value

PAD_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}


def _ints(node: Node, attribute: str, value: Tensor | None) -> list[int] | None:
    """What an old opset gives as an attribute and a new one as an input."""
    if value is not None:
        return [int(number) for number in value.reshape(-1).tolist()]
    held = node.get(attribute)
    return None if held is None else list(held)


def constant(node: Node) -> Tensor:
    return torch.from_numpy(constant_value(node).copy())


def constant_of_shape(node: Node, shape: Tensor) -> Tensor:
    fill = torch.tensor(node.get("value", [0.0]))
    dtype = torch.float32 if fill.is_floating_point() else fill.dtype
    return torch.full(shape.tolist(), fill.item(), dtype=dtype)


def shape_of(node: Node, x: Tensor) -> Tensor:
    return torch.tensor(list(x.shape)[node.get("start", 0) : node.get("end")], dtype=torch.int64)


def flatten(node: Node, x: Tensor) -> Tensor:
    axis = node.get("axis", 1)
    axis += x.dim() if axis < 0 else 0
    return x.reshape(math.prod(x.shape[:axis]), -1)


def reshape(node: Node, x: Tensor, shape: Tensor) -> Tensor:
    sizes = shape.tolist()
    if not node.get("allowzero", 0):
        sizes = [x.shape[i] if size == 0 else size for i, size in enumerate(sizes)]
    return x.reshape(sizes)


def expand(_: Node, x: Tensor, shape: Tensor) -> Tensor:
    # either may be the longer, and a 1 in the shape keeps what x has
    wanted = shape.tolist()
    wanted = [1] * (x.dim() - len(wanted)) + wanted
    held = [1] * (len(wanted) - x.dim()) + list(x.shape)
    return x.expand([h if w == 1 else w for h, w in zip(held, wanted, strict=True)])


def squeeze(node: Node, x: Tensor, axes: Tensor | None = None) -> Tensor:
    wanted = _ints(node, "axes", axes)
    return x.squeeze() if wanted is None else x.squeeze(tuple(wanted))


def unsqueeze(node: Node, x: Tensor, axes: Tensor | None = None) -> Tensor:
    wanted = _ints(node, "axes", axes) or []
    rank = x.dim() + len(wanted)
    for axis in sorted(axis % rank for axis in wanted):
        x = x.unsqueeze(axis)
    return x


def transpose(node: Node, x: Tensor) -> Tensor:
    return x.permute(node.get("perm", list(range(x.dim()))[::-1]))


def concat(node: Node, *parts: Tensor) -> Tensor:
    device = next((part.device for part in parts if part.device.type != "cpu"), parts[0].device)
    return torch.cat([part.to(device) for part in parts], node.attributes["axis"])


def gather(node: Node, x: Tensor, indices: Tensor) -> Tensor:
    axis = node.get("axis", 0) % x.dim()
    if indices.dim() == 0:
        return x.select(axis, int(indices))
    places = indices.reshape(-1).to(device=x.device, dtype=torch.int64)
    taken = x.index_select(axis, torch.where(places < 0, places + x.shape[axis], places))
    return taken.reshape(*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])


def slice_(
    node: Node,
    x: Tensor,
    starts: Tensor | None = None,
    ends: Tensor | None = None,
    axes: Tensor | None = None,
    steps: Tensor | None = None,
) -> Tensor:
    first, last = _ints(node, "starts", starts) or [], _ints(node, "ends", ends) or []
    along = _ints(node, "axes", axes) or range(len(first))
    strides = _ints(node, "steps", steps) or [1] * len(first)
    for start, end, axis, step in zip(first, last, along, strides, strict=True):
        places = range(x.shape[axis])[start:end:step]
        if step > 0:
            index = [slice(None)] * x.dim()
            index[axis] = slice(places.start, places.stop, step)
            x = x[tuple(index)]
        else:
            x = x.index_select(axis % x.dim(), torch.tensor(list(places), device=x.device))
    return x


def split(node: Node, x: Tensor, sizes: Tensor | None = None) -> tuple[Tensor, ...]:
    axis = node.get("axis", 0)
    wanted = _ints(node, "split", sizes)
    if wanted is None:
        wanted = [-(-x.shape[axis] // len(node.outputs))] * (len(node.outputs) - 1)
        wanted.append(x.shape[axis] - sum(wanted))
    return torch.split(x, wanted, axis)


def pad(
    node: Node,
    x: Tensor,
    pads: Tensor | None = None,
    value: Tensor | None = None,
    axes: Tensor | None = None,
) -> Tensor:
    amounts = _ints(node, "pads", pads) or []
    along = _ints(node, "axes", axes) or list(range(x.dim()))
    before, after = [0] * x.dim(), [0] * x.dim()
    for i, axis in enumerate(along):
        before[axis], after[axis] = amounts[i], amounts[i + len(along)]
    pairs = [n for pair in zip(reversed(before), reversed(after), strict=True) for n in pair]
    mode = PAD_MODES[node.get("mode", "constant")]
    if mode == "constant":
        fill = node.get("value", 0.0) if value is None else value.item()
        return F.pad(x, pairs, mode, fill)
    spatial = 2 * (x.dim() - 2)  # torch mirrors spatial axes only
    return F.pad(x, pairs[:spatial], mode)


Reduction = Callable[[Tensor, list[int], bool], Tensor]


def _reduce(node: Node, x: Tensor, axes: Tensor | None, reduction: Reduction) -> Tensor:
    wanted = _ints(node, "axes", axes)
    if not wanted:
        if node.get("noop_with_empty_axes", 0):
            return x
        wanted = list(range(x.dim()))
    return reduction(x, wanted, bool(node.get("keepdims", 1)))


def reduce_mean(node: Node, x: Tensor, axes: Tensor | None = None) -> Tensor:
    return _reduce(node, x, axes, lambda t, dim, keep: t.mean(dim, keep))


def reduce_sum(node: Node, x: Tensor, axes: Tensor | None = None) -> Tensor:
    return _reduce(node, x, axes, lambda t, dim, keep: t.sum(dim, keep))


def reduce_max(node: Node, x: Tensor, axes: Tensor | None = None) -> Tensor:
    return _reduce(node, x, axes, lambda t, dim, keep: t.amax(dim, keep))


def reduce_l2(node: Node, x: Tensor, axes: Tensor | None = None) -> Tensor:
    return _reduce(node, x, axes, lambda t, dim, k: torch.linalg.vector_norm(t, 2, dim, k))


def reduce_prod(node: Node, x: Tensor, axes: Tensor | None = None) -> Tensor:
    def product(t: Tensor, dims: list[int], keep: bool) -> Tensor:
        for dim in sorted((d % t.dim() for d in dims), reverse=True):
            t = t.prod(dim, keep)
        return t

    return _reduce(node, x, axes, product)
