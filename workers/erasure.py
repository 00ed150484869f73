"""Erasing and certifying files, without any server: what ``lethe erase`` and ``certify`` do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import BadInput
from storage.tickets.photos import Photo
from storage.uploads.images import Pixels, Reason
from workers.faces import Faces, read_faces
from workers.gauge import Gauge
from workers.photos import sort_photos
from workers.recognizer import Recognizer
from workers.unlearning import FileCheckpoints, Plan, Watch, run_key, unlearn

if TYPE_CHECKING:
    from workers.unlearning.loop import Unlearned

# These say that a file is broken or unfit; the others only that it adds nothing.
_STOPS = {
    Reason.NOT_AN_IMAGE,
    Reason.TRUNCATED,
    Reason.TOO_LARGE,
    Reason.TOO_MANY_PIXELS,
    Reason.ANIMATED,
    Reason.NOT_CROPPED,
}


@dataclass(frozen=True)
class Erased:
    report: dict[str, Any]
    left_out: tuple[str, ...]  # one line for each photo that was not used


def erase_file(
    model: Path,
    subjects: Sequence[Sequence[Photo]],
    reference: Path,
    out: Path,
    plan: Plan,
    watch: Watch,
    cache: Path | None = None,
) -> Erased:
    """Writes ``out``, the model with the subjects forgotten; all their photos may train.

    ``cache``: folder that keeps the reference faces' activations, and the checkpoint of a run
    that was killed until the same call goes on from it.

    Raises:
        BadModel, BadPhoto, BadInput: before anything is trained or written.
    """
    old = Recognizer.load(model)
    others = read_faces(reference, old.input_size).sampled(plan.reference_faces)
    threshold = others.threshold(old)
    gauge = Gauge.from_faces(old, others)
    crops, left_out = [], []
    for photos in subjects:
        used, refused = _usable(photos, old, gauge)
        crops.append(used)
        left_out += refused
    activations, checkpoints = None, None
    if cache is not None:
        activations = cache / "activations"
        key = run_key(old, crops, others.people, plan)
        checkpoints = FileCheckpoints(cache / "checkpoints" / f"{key}.npz")
    result = unlearn(old, crops, others.people, plan, watch, activations, checkpoints)
    old.write(out, result.tensors)
    if checkpoints:
        checkpoints.remove()
    report = _report(old, Recognizer.load(out), crops, others, threshold, plan, result)
    return Erased({**report, "photos_left_out": len(left_out)}, tuple(left_out))


def _usable(
    photos: Sequence[Photo], recognizer: Recognizer, gauge: Gauge
) -> tuple[Pixels, list[str]]:
    found = sort_photos(photos, recognizer, gauge)
    broken = [bad for bad in found.refused if bad.reason in _STOPS]
    if broken:
        raise BadInput("; ".join(str(bad) for bad in broken))
    left_out = [str(bad) for bad in found.refused]
    if not found.crops:
        raise BadInput("no usable photo is left: " + "; ".join(left_out))
    return np.stack([crop.pixels for crop in found.crops]), left_out


def _report(
    old: Recognizer,
    new: Recognizer,
    crops: Sequence[Pixels],
    others: Faces,
    threshold: float,
    plan: Plan,
    result: Unlearned,
) -> dict[str, Any]:
    """Every figure that is printed, and what it was made from."""
    reference = list(others.people.values())
    return {
        "old": {"file": str(old.path), "sha256": old.sha256},
        "new": {"file": str(new.path), "sha256": new.sha256},
        "subjects": len(crops),
        "forget_photos": sum(len(own) for own in crops),
        "reference_people": len(reference),
        "reference_faces": sum(len(own) for own in reference),
        "method": plan.method,
        "carried_out_as": result.note,
        "seed": plan.seed,
        "steps": result.steps,
        "changed_after": result.cut,
        "changed_initialisers": sorted(result.tensors),
        "seconds": round(result.seconds, 2),
        "loss": result.figures,
        "figures": {
            "fmr": 1e-3,
            "threshold": threshold,
            "forget_tmr_before": _tmr(old, crops, threshold),
            "forget_tmr_after": _tmr(new, crops, threshold),
            "reference_tmr_before": _tmr(old, reference, threshold),
            "reference_tmr_after": _tmr(new, reference, threshold),
        },
    }


def _tmr(recognizer: Recognizer, people: Sequence[Pixels], threshold: float) -> float | None:
    """True match rate over each person's own pairs, averaged over people; None without a pair."""
    rates = []
    for crops in people:
        if len(crops) > 1:
            templates = recognizer.embed(crops)
            rows, columns = np.triu_indices(len(crops), k=1)
            scores = (templates @ templates.T)[rows, columns]
            rates.append(float((scores >= threshold).mean()))
    return float(np.mean(rates)) if rates else None
