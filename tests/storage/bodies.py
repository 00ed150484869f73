"""Bodies of certificates that have their form and whose verdict follows; small, and no real one."""

from __future__ import annotations

import hashlib
from copy import deepcopy
from typing import Any

from storage.canonical import sha256
from storage.certificates.issued import issue
from storage.certificates.signing import Signer

TICKET = "t000000000000"
MODEL = "door-cameras"


def digest(what: str) -> str:
    return hashlib.sha256(what.encode()).hexdigest()


def figure(estimate: float | None, low: float = 0.0, high: float = 1.0, **sample: int) -> Any:
    return {
        "estimate": estimate,
        "interval": None if estimate is None else [low, high],
        "sample": sample,
        "worst": None,
        "reason": "nobody was there" if estimate is None else None,
    }


def rule(name: str, own: Any, **changes: Any) -> dict[str, Any]:
    return {
        "id": name.split("@")[0].replace("_", "-"),
        "text": "It is as it should be",
        "figure": name,
        "comparison": "at_most",
        "threshold": 0.1,
        "judged": "estimate",
        "minimum": {"comparisons": 10},
        "required": True,
        "estimate": own["estimate"],
        "interval": own["interval"],
        "sample": own["sample"],
        "outcome": "passed",
        "reason": None,
        **changes,
    }


def version(number: int) -> dict[str, Any]:
    """Version ``number`` of a model of which every version was made from the one before."""
    name, file = digest(f"version {number}"), digest(f"file {number}")
    return {"number": number, "digest": name, "files": {"model.onnx": file}}


def body(**changes: Any) -> dict[str, Any]:
    """The first certificate of a model: of version 2, made from the import."""
    forgotten, kept = figure(0.05, 0.01, 0.09, comparisons=45), figure(0.01, comparisons=900)
    after = changes.get("version", version(2))
    before = changes.get("parent", version(after["number"] - 1))
    return deepcopy(
        {
            "format": 2,
            "ticket": TICKET,
            "model": MODEL,
            "created_at": "2026-01-01T00:00:00+00:00",
            "parent": before,
            "version": after,
            "models": {
                "old": before["files"]["model.onnx"],
                "new": after["files"]["model.onnx"],
            },
            "face_sets": {"reference": digest("reference"), "benchmark": digest("benchmark")},
            "photos": digest("photos"),
            "forget_photos": digest("forget"),
            "held_out_photos": digest("held out"),
            "imported_version": version(1)["digest"],
            "previous_certificate": None,
            "software": "lethe 0.1.0",
            "seed": 0,
            "resampling_seed": 0,
            "policy": {"name": "default", "version": 1, "digest": digest("policy")},
            "verdict": "passed",
            "summary": ["All 2 required rules of the policy are kept."],
            "headline": {"forget_tmr_after": 0.05, "fmr": 0.001},
            "rules": [rule("forgotten_tmr@1e-3", forgotten), rule("benchmark_tmr_drop@1e-3", kept)],
            "figures": {
                "benchmark": {"benchmark_tmr_drop@1e-3": kept},
                "subjects": [{"forgotten_tmr@1e-3": forgotten}],
                "over_subjects": {
                    "forgotten_tmr@1e-3": {"mean": 0.05, "lowest": 0.05, "highest": 0.05}
                },
            },
            "thresholds": {
                "1e-3": {
                    "old_version": 0.36,
                    "new_version": 0.35,
                    "non_mated": 12000,
                    "rule_of_30": False,
                    "reason": None,
                }
            },
            "claims": {"non_matchability": "examined", "training_influence": "not examined"},
            **changes,
        }
    )


def ticket(number: int) -> str:
    return f"t{number:012d}"


def chain(signer: Signer, count: int) -> list[bytes]:
    """The certificates of ``count`` versions, each with one ticket, from the first on."""
    made: list[bytes] = []
    for number in range(count):
        before = sha256(made[-1]) if made else None
        made.append(
            issue(
                body(
                    ticket=ticket(number),
                    version=version(number + 2),
                    previous_certificate=before,
                ),
                signer,
            )
        )
    return made
