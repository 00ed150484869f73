"""docker/Dockerfile, read far enough to ask what an image is made of."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "docker" / "Dockerfile"
IMAGES = ("web", "worker", "worker-gpu")


@dataclass
class Stage:
    name: str
    base: str  # an image, or a stage before this one
    steps: list[tuple[str, str]] = field(default_factory=list)  # instruction, the rest of its line

    def all(self, instruction: str) -> list[str]:
        return [rest for name, rest in self.steps if name == instruction]


def stages() -> dict[str, Stage]:
    found: dict[str, Stage] = {}
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.M)
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            base, _, name = rest.partition(" AS ")
            stage = found[name] = Stage(name, base)
        elif instruction and found:
            stage.steps.append((instruction, rest))
    return found


def image(name: str) -> Stage:
    """The stage with all that it has from those below it, the lowest first."""
    known = stages()
    stage = known[name]
    if stage.base not in known:
        return stage
    below = image(stage.base)
    return Stage(name, below.base, below.steps + stage.steps)


def command(name: str) -> list[str]:
    """What the image runs."""
    return list(json.loads(image(name).all("CMD")[-1]))


def variables(name: str) -> dict[str, str]:
    pairs = " ".join(image(name).all("ENV")).split()
    return dict(pair.split("=", 1) for pair in pairs)


def labels(name: str) -> dict[str, str]:
    return dict(re.findall(r'([a-z.]+)="([^"]*)"', " ".join(image(name).all("LABEL"))))
