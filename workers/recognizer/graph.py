"""An ONNX graph as a torch module whose parameters are the graph's own initialisers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from workers.recognizer.initializers import Array
from workers.recognizer.node import Node
from workers.recognizer.onnx_file import OnnxFile
from workers.recognizer.operators.table import OPERATORS
from workers.recognizer.shapes import constant_value
from workers.recognizer.topology import CutPoint, LastLinear


@dataclass(frozen=True)
class _Plan:
    """Nodes to run, each with the tensors that nobody reads after it."""

    steps: Sequence[tuple[Node, Sequence[str]]]


class GraphModule(nn.Module):
    """Computes what the graph computes, in float32 whatever the file stores.

    Batch normalisation uses its running statistics, in training mode too.
    """

    def __init__(self, file: OnnxFile):
        super().__init__()
        self.file = file
        self.topology = file.topology
        self._held: dict[str, str] = {}  # name in the graph → name in this module
        self._host: dict[str, Tensor] = {}
        self._plans: dict[tuple[frozenset[str], tuple[str, ...]], _Plan] = {}
        trainable = self.topology.trainable
        for index, name in enumerate(trainable):
            # torch allows neither dots nor slashes in names, and graphs are full of both
            self._held[name] = f"weight_{index}"
            self.register_parameter(self._held[name], nn.Parameter(_float(file.array(name))))
        for name in file.initializers:
            if name not in self._held:
                self._keep(name, file.array(name))
        for node in file.nodes:
            if node.op == "Constant":
                self._keep(node.outputs[0], constant_value(node))

    @property
    def weights(self) -> dict[str, nn.Parameter]:
        """Initialiser → parameter, of all that may train; see Topology.trainable."""
        return {name: self.get_parameter(self._held[name]) for name in self.topology.trainable}

    def _keep(self, name: str, values: Array) -> None:
        tensor = _float(values)
        if tensor.is_floating_point() and tensor.dim():
            self._held[name] = f"constant_{len(self._held)}"
            self.register_buffer(self._held[name], tensor)
        else:
            self._host[name] = tensor  # read by the host, so it must not move to a device

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, S, S) float32 as Recognizer.preprocess makes them → (B, D), not normalised."""
        output = self.file.output_name
        return self.run({self.file.image.name: images}, [output])[output]

    def run(self, inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> dict[str, Tensor]:
        """Compute `outputs` from `inputs`, both by tensor name, running only the nodes between.

        All inputs and outputs begin with the batch: the image, cut points, the embedding.

        Raises:
            ValueError: an output that these inputs do not suffice for.
        """
        plan = self._plan(frozenset(inputs), tuple(outputs))
        if self.file.batch is None:
            return self._execute(plan, inputs, outputs)
        return self._in_groups(plan, inputs, outputs, self.file.batch)

    def _in_groups(
        self, plan: _Plan, inputs: Mapping[str, Tensor], outputs: Sequence[str], size: int
    ) -> dict[str, Tensor]:
        """A graph for exactly `size` faces, mapped over as many groups of them as there are."""
        faces = len(next(iter(inputs.values())))
        groups = -(-faces // size)
        grouped = {}
        for name, tensor in inputs.items():
            spare = tensor[-1:].expand(groups * size - faces, *tensor.shape[1:])
            whole = torch.cat([tensor, spare]) if len(spare) else tensor
            grouped[name] = whole.reshape(groups, size, *tensor.shape[1:])
        mapped = torch.vmap(lambda tensors: self._execute(plan, tensors, outputs))(grouped)
        return {name: tensor.flatten(0, 1)[:faces] for name, tensor in mapped.items()}

    def _execute(
        self, plan: _Plan, inputs: Mapping[str, Tensor], outputs: Sequence[str]
    ) -> dict[str, Tensor]:
        values: dict[str, Tensor] = dict(inputs)
        batch = len(next(iter(inputs.values())))
        for node, finished in plan.steps:
            if self.topology.is_known_shape(node):
                made: Tensor | tuple[Tensor, ...] = self._known_shape(node, batch)
            else:
                made = OPERATORS[node.op](node, *(self._value(n, values) for n in node.inputs))
            several = made if isinstance(made, tuple) else (made,)
            values.update(zip(node.outputs, several, strict=False))
            for name in finished:
                values.pop(name, None)
        return {name: values[name] for name in outputs}

    def _value(self, name: str, values: Mapping[str, Tensor]) -> Tensor | None:
        if not name:
            return None
        if name in values:
            return values[name]
        held = self._held.get(name)
        return self._host[name] if held is None else getattr(self, held)

    def _known_shape(self, node: Node, batch: int) -> Tensor:
        dims = [batch if dim is None else dim for dim in self.file.shapes[node.inputs[0]]]
        return torch.tensor(dims[node.get("start", 0) : node.get("end")], dtype=torch.int64)

    def _plan(self, inputs: frozenset[str], outputs: tuple[str, ...]) -> _Plan:
        key = (inputs, outputs)
        if key not in self._plans:
            self._plans[key] = self._make_plan(inputs, outputs)
        return self._plans[key]

    def _make_plan(self, inputs: frozenset[str], outputs: tuple[str, ...]) -> _Plan:
        wanted = set(outputs) - inputs
        chosen: list[Node] = []
        for node in reversed(self.file.nodes):
            if node.op == "Constant" or not wanted.intersection(node.outputs):
                continue
            chosen.append(node)
            wanted.difference_update(node.outputs)
            if not self.topology.is_known_shape(node):
                wanted.update(n for n in node.inputs if n and n not in inputs)
        missing = wanted - self._held.keys() - self._host.keys()
        if missing:
            raise ValueError(f"{min(missing)!r} cannot be computed from {sorted(inputs)}")
        return _Plan(_with_ends(chosen[::-1], keep=set(outputs)))

    def cut_points(self) -> list[CutPoint]:
        """Where the network can be cut in two; see Topology.cut_points."""
        return self.topology.cut_points()

    @property
    def last_linear(self) -> LastLinear:
        """The layer that makes the embedding. Raises BadModel where there is none."""
        return self.topology.last_linear()

    @property
    def pooled_cut(self) -> str:
        """The tensor that the last linear layer reads: (B, F) or (B, F, 1, 1)."""
        return self.last_linear.features

    def arrays(self) -> dict[str, Array]:
        """The weights as Recognizer.write takes them."""
        return {name: w.detach().cpu().numpy().copy() for name, w in self.weights.items()}


def _float(values: Array) -> Tensor:
    """Every float type as float32; integers and booleans as they are."""
    kind = values.dtype
    plain = kind in (np.dtype(bool), np.dtype(np.uint8)) or np.issubdtype(kind, np.signedinteger)
    return torch.from_numpy(np.array(values, kind if plain else np.float32))


def _with_ends(nodes: Sequence[Node], keep: set[str]) -> list[tuple[Node, Sequence[str]]]:
    last: dict[str, int] = {}
    for index, node in enumerate(nodes):
        last.update(dict.fromkeys(node.inputs + node.outputs, index))
    ends: list[list[str]] = [[] for _ in nodes]
    for name, index in last.items():
        if name and name not in keep:
            ends[index].append(name)
    return list(zip(nodes, ends, strict=True))
