"""Scenes: what an attack is given, the photos of a world embedded by both of its models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tests.certification.worlds import World
from workers.certification import Subject
from workers.certification.evidence import SubjectTemplates, gather
from workers.certification.figures import Figure
from workers.certification.retained import Benchmark
from workers.certification.templates import Crops, Embedder

Scene = tuple[SubjectTemplates, Benchmark]


def scene(world: World, pooled: World | None = None, seed: int = 0) -> Scene:
    """``pooled`` has the same people and photos; its templates are the pooled features.

    Without it the models have no linear last layer.
    """
    features = [of.rows for of in pooled.models()] if pooled is not None else [None, None]
    old, new = (
        replace(model, pooled=of) for model, of in zip(world.models(), features, strict=True)
    )
    return embedded(old, new, world.subjects()[0], world.benchmark(), seed)


def embedded(
    old: Embedder, new: Embedder, subject: Subject, people: Mapping[str, Crops], seed: int = 0
) -> Scene:
    evidence = gather(old, new, [subject], people, lambda doing, share: None)  # noqa: ARG005
    benchmark = Benchmark(evidence.old, evidence.new, seed, evidence.pooled)
    return evidence.subjects[subject.reference], benchmark


def estimates(figures: Mapping[str, Figure]) -> dict[str, float | None]:
    return {name: figure.estimate for name, figure in figures.items()}
