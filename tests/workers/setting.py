"""A setting: one person to forget, a few reference people, and short runs on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from storage.uploads.images import Pixels
from tests.workers.short import SHORT, Watcher
from workers.recognizer import Recognizer
from workers.unlearning import Plan, unlearn
from workers.unlearning.loop import Unlearned
from workers.unlearning.method import Method

QUICK = Plan(**SHORT)
FEW = replace(QUICK, steps=2)
Use = Callable[[type[Method]], None]


@dataclass(frozen=True)
class Setting:
    recognizer: Recognizer
    subject: Pixels  # 21 photos, of which two are spared
    reference: dict[str, Pixels]

    def run(self, plan: Plan = QUICK, watch: Watcher | None = None, **more: object) -> Unlearned:
        given = (self.recognizer, [self.subject], self.reference, plan, watch or Watcher())
        return unlearn(*given, **more)  # type: ignore[arg-type]

    def before(self, name: str) -> NDArray[np.float32]:
        return np.array(self.recognizer.file.array(name), dtype=np.float32)
