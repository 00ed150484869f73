"""All that a run needs to go on from where it was: in memory to roll back, as bytes to resume."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workers import stopping
from workers.unlearning.checkpoints import Checkpoints
from workers.unlearning.course import Course
from workers.unlearning.tail import Tail

CHECKPOINT_SECONDS = 5.0  # between two that are written: what a kill costs at most, about
_ABOUT = "about"


class Unreadable(Exception):
    """Bytes that are no checkpoint of this run."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    course: Course
    figures: dict[str, float]
    tensors: dict[str, Tensor]  # weights, Adam's moments and torch's generators
    rng: Mapping[str, Any]  # state of the scene's generator

    @classmethod
    def take(
        cls,
        tail: Tail,
        adam: torch.optim.Adam,
        rng: np.random.Generator,
        course: Course,
        figures: Mapping[str, float],
    ) -> Snapshot:
        tensors = {"rng/cpu": torch.get_rng_state()}
        if tail.device.type == "cuda":
            tensors["rng/cuda"] = torch.cuda.get_rng_state(tail.device)
        for number, weight in enumerate(tail.parameters()):
            tensors[f"weight/{number}"] = weight.detach().clone()
            for name, moment in adam.state.get(weight, {}).items():
                tensors[f"adam/{number}/{name}"] = moment.detach().clone()
        return cls(replace(course), dict(figures), tensors, rng.bit_generator.state)

    @torch.no_grad()
    def restore(self, tail: Tail, adam: torch.optim.Adam, rng: np.random.Generator) -> Course:
        """Puts everything back to where it was, and returns where that is."""
        for number, weight in enumerate(tail.parameters()):
            weight.copy_(self.tensors[f"weight/{number}"])
        state: dict[int, dict[str, Tensor]] = {}
        for name, moment in self.tensors.items():
            kind, number_, *rest = name.split("/")
            if kind == "adam":
                state.setdefault(int(number_), {})[rest[0]] = moment.clone()
        adam.load_state_dict({**adam.state_dict(), "state": state})
        rng.bit_generator.state = self.rng
        torch.set_rng_state(self.tensors["rng/cpu"])
        if tail.device.type == "cuda" and "rng/cuda" in self.tensors:
            torch.cuda.set_rng_state(self.tensors["rng/cuda"], tail.device)
        return replace(self.course)

    def to_bytes(self, key: str) -> bytes:
        """An npz file without pickles; ``key`` names the run."""
        about = {
            "key": key,
            "course": asdict(self.course),
            "figures": self.figures,
            "rng": self.rng,
        }
        arrays = {name: tensor.cpu().numpy() for name, tensor in self.tensors.items()}
        file = io.BytesIO()
        np.savez(file, **arrays, **{_ABOUT: np.array(json.dumps(about))})  # type: ignore[arg-type]
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes, key: str) -> Snapshot:
        """
        Raises:
            Unreadable: no checkpoint, or one of another run.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as held:
                about = json.loads(str(held[_ABOUT]))
                if about["key"] != key:
                    raise Unreadable
                tensors = {n: torch.from_numpy(held[n]) for n in held.files if n != _ABOUT}
            return cls(Course(**about["course"]), about["figures"], tensors, about["rng"])
        except (ValueError, KeyError, TypeError, EOFError, OSError, zipfile.BadZipFile):
            raise Unreadable from None


class Saver:
    """Writes a run's snapshots to their place, a few seconds apart, and finds the last one."""

    def __init__(self, checkpoints: Checkpoints | None, key: str) -> None:
        self._checkpoints, self._key = checkpoints, key
        self._written = time.monotonic()

    def last(self) -> Snapshot | None:
        """What is no checkpoint of this run is left aside, and overwritten by the next."""
        data = self._checkpoints.load() if self._checkpoints else None
        if data is None:
            return None
        try:
            return Snapshot.from_bytes(data, self._key)
        except Unreadable:
            import structlog

            structlog.get_logger().info("checkpoint left aside: not of this run")
            return None

    def asked(self) -> bool:
        """Whether the worker ends, and the last snapshot must be written before it does."""
        return self._checkpoints is not None and stopping.asked()

    def keep(self, snapshot: Snapshot, at_once: bool = False) -> None:
        due = time.monotonic() - self._written >= CHECKPOINT_SECONDS
        if self._checkpoints and (due or at_once):
            self._checkpoints.save(snapshot.to_bytes(self._key))
            self._written = time.monotonic()
