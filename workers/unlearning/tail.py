"""The part of the network that trains: from the cut to the embedding."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from workers.recognizer import CutPoint, Recognizer

AT_ONCE = 128  # faces through the tail where no gradient is needed


class Tail:
    """
    Args:
        device: by default CUDA where there is a GPU.
        half: whether steps compute in bfloat16; by default they do on CUDA.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        cut: CutPoint,
        device: torch.device | None = None,
        half: bool | None = None,
    ) -> None:
        self.device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._half = self.device.type == "cuda" if half is None else half
        torch.backends.cudnn.allow_tf32 = False  # templates must not depend on the device
        self._module = recognizer.module().to(self.device)
        self._cut = cut.tensor
        self._outputs = [recognizer.last_linear.features, recognizer.file.output_name]
        self._weights = {name: self._module.weights[name] for name in cut.parameters}
        for name, weight in self._module.weights.items():
            weight.requires_grad_(name in self._weights)

    @property
    def weights(self) -> dict[str, torch.nn.Parameter]:
        """Initialiser → parameter, of all that train."""
        return dict(self._weights)

    def parameters(self) -> list[torch.nn.Parameter]:
        return list(self._weights.values())

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """The weights as ``Recognizer.write`` takes them."""
        return {name: weight.detach().cpu().numpy() for name, weight in self._weights.items()}

    def embed(self, activations: Tensor) -> tuple[Tensor, Tensor]:
        """(B, *cut) → pooled features (B, F) and templates (B, D), both of unit length.

        In bfloat16, if at all, where gradients are wanted; what is only read is float32.
        """
        shown = activations.float()
        if shown.dim() == 4:
            shown = shown.contiguous(memory_format=torch.channels_last)
        half = self._half and torch.is_grad_enabled()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            made = self._module.run({self._cut: shown}, self._outputs)
        pooled, embedding = (made[name].flatten(1).float() for name in self._outputs)
        return F.normalize(pooled), F.normalize(embedding)

    @torch.no_grad()
    def templates(self, activations: Tensor) -> Tensor:
        """(N, *cut) → (N, D) unit length, in small pieces and without a gradient."""
        pieces: Iterator[Tensor] = iter(torch.split(activations, AT_ONCE))
        return torch.cat([self.embed(piece.to(self.device))[1] for piece in pieces])

    @torch.no_grad()
    def at(self, activations: Tensor, tensor: str) -> Tensor:
        """(N, *cut) → (N, *shape of the tensor): what lies between the cut and the embedding."""
        if tensor == self._cut:
            return activations.to(self.device).float()
        found = []
        for piece in torch.split(activations, AT_ONCE):
            inputs = {self._cut: piece.to(self.device).float()}
            found.append(self._module.run(inputs, [tensor])[tensor])
        return torch.cat(found)
