"""What a process knows of models without asking again: of each what never changes."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from storage.models.registry import Model, Models

KNOWN_SECONDS = 600.0  # then it is read again: a store may be put back to what it was before


@dataclass(frozen=True)
class _Known:
    until: float  # by the monotonic clock
    model: Model
    has_current: bool = False


class KnownModels:
    def __init__(self, models: Models) -> None:
        self._models = models
        self._known: dict[str, _Known] = {}

    def get(self, name: str) -> Model:
        """
        Raises:
            NoSuchModel, Corrupt
        """
        return self._get(name).model

    def check_current(self, name: str) -> None:
        """That tickets can be for it: once there is a current version, there always is one.

        Raises:
            NoSuchModel: there is none, or no such model.
            Corrupt
        """
        known = self._get(name)
        if not known.has_current:
            self._models.find(name)
            self._known[name] = replace(known, has_current=True)

    def _get(self, name: str) -> _Known:
        known = self._known.get(name)
        if known is None or time.monotonic() > known.until:
            known = _Known(time.monotonic() + KNOWN_SECONDS, self._models.get(name))
            self._known[name] = known
        return known
