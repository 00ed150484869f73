"""A frozen writer of the record and of Redis as they were before tickets had notices and lists.

Nothing of it follows today's code: names, keys and documents stand here as they were written then.
Only a run's figures are made by today's certification.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import rfc8785
from numpy.typing import NDArray
from PIL import Image

from storage.record import Record

MODEL, TOKEN = "door-cameras", 1_790_000_000_000_000  # a fencing token of then
WAY = ("approved", "preparing", "queued", "unlearning", "certifying", "publishing")
# State: the events after the submission.
WAYS: dict[str, tuple[str, ...]] = {
    "submitted": (),
    **{state: WAY[: number + 1] for number, state in enumerate(WAY)},
    "needs_photos": ("approved", "preparing", "needs_photos"),
    "needs_review": (*WAY[:5], "needs_review"),
    "failed": (*WAY[:4], "failed"),
    "denied": ("denied",),
    "cancelled": ("approved", "cancelled"),
}
_NOTES = {"needs_photos": "3 photos can be used; at least 4 are needed", "failed": "tried 5 times"}
_BEGIN = datetime(2026, 9, 1, 8, tzinfo=UTC)


@dataclass
class Previous:
    record: Record  # for its connections alone
    written: int = field(default=0)

    def model(self, network: Path) -> None:
        document = {"name": MODEL, "reference_faces": "reference", "benchmark_faces": "benchmark"}
        self._put(f"models/{MODEL}/model.json", {**document, "verification": []})
        self.record.redis.sadd("lethe:models", MODEL)
        self.record.redis.set(f"lethe:fence:model:{MODEL}", TOKEN)
        self.alias(1, self.version(network, 1, None, {}), None)

    def version(
        self, network: Path, number: int, parent: str | None, made_by: Mapping[str, Any]
    ) -> str:
        folder = f"models/{MODEL}/versions/{number:06d}/"
        file = self.record.objects.put(f"{folder}model.onnx", network.read_bytes())
        manifest = {
            "format": 1,
            "model": MODEL,
            "version": number,
            "parent": parent,
            "files": {"model.onnx": file},
            "made_by": made_by,
            "created_at": self._now().isoformat(timespec="seconds"),
        }
        return self._put(f"{folder}manifest.json", manifest)

    def alias(self, version: int, digest: str, before: int | None) -> None:
        document = {
            "alias": "current",
            "version": version,
            "digest": digest,
            "before": before,
            "token": TOKEN,
            "actor": "ada",
            "at": self._now().isoformat(timespec="seconds"),
        }
        self._put(f"models/{MODEL}/aliases/current.json", document)

    def ticket(
        self, ticket: str, state: str, photos: Sequence[bytes], facts: Mapping[str, Any]
    ) -> None:
        """A ticket in a state, with what lay beside it and what Redis had of it."""
        ended = state in {"denied", "cancelled"}
        salted = "00" * 32 if ended else self._photos(ticket, photos)
        request = {
            "model": MODEL,
            "subject": f"DSR-{ticket}",
            "legal_ground": "gdpr-17-1-b",
            "deadline": "2030-01-31",
            "photos": len(photos),
        }
        way = ("submitted", *WAYS[state])
        previous, times = None, [self._now().isoformat(timespec="milliseconds") for _ in way]
        for number, reached in enumerate(way, start=1):
            data = _data(reached, facts)
            if reached == "submitted":
                data = {"request": request, "manifest": salted}
            event = {
                "format": 1,
                "number": number,
                "ticket": ticket,
                "state": reached,
                "at": times[number - 1],
                "actor": "ada" if reached in {"submitted", "denied"} else "worker",
                "previous": previous,
                "data": data,
            }
            name = f"tickets/{ticket}/events/{number:06d}-{reached}.json"
            previous = self._put(name, event)
        if "queued" in way:
            self._crops(ticket, photos)
        summary = {"id": ticket, **request, "state": state, "submitted_by": "ada"}
        shown = {"note": data.get("note", ""), "result": data.get("result", {})}
        self._index({**summary, "submitted_at": times[0], "updated_at": times[-1], **shown})

    def _photos(self, ticket: str, photos: Sequence[bytes]) -> str:
        listed = []
        for number, photo in enumerate(photos):
            digest = hashlib.sha256(photo).hexdigest()
            self.record.objects.put(f"tickets/{ticket}/photos/{digest}", photo)
            listed.append({"sha256": digest, "name": f"IMG_{number}.jpg"})
        manifest = {"salt": "5a" * 32, "photos": listed}
        return self._put(f"tickets/{ticket}/photos/manifest.json", manifest)

    def _crops(self, ticket: str, photos: Sequence[bytes]) -> None:
        digests = []
        for photo in photos:
            crop = _png(np.asarray(Image.open(io.BytesIO(photo)).convert("RGB")))
            digests.append(hashlib.sha256(crop).hexdigest())
            self.record.objects.put(f"tickets/{ticket}/photos/crops/{digests[-1]}.png", crop)
        selection = {"forget": digests[:4], "held_out": digests[4:], "refused": []}
        self._put(f"tickets/{ticket}/photos/selection.json", selection)

    def _index(self, summary: Mapping[str, Any]) -> None:
        ticket, state = summary["id"], summary["state"]
        score = datetime.fromisoformat(summary["submitted_at"]).timestamp()
        redis = self.record.redis
        redis.set(f"lethe:ticket:{ticket}", json.dumps(summary))
        redis.zadd("lethe:tickets", {ticket: score})
        redis.zadd(f"lethe:tickets:{MODEL}:{state}", {ticket: score})
        if state == "unlearning":
            redis.set(f"lethe:attempts:{ticket}", 1)

    def _put(self, name: str, document: Mapping[str, Any]) -> str:
        data = rfc8785.dumps(dict(document))
        return self.record.objects.put(name, data, "application/json")

    def _now(self) -> datetime:
        self.written += 1
        return _BEGIN + timedelta(seconds=self.written)


def _data(state: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    if state == "publishing":
        return {"facts": dict(facts)}
    if state == "needs_review":
        return {"note": "not forgotten", "result": {"verdict": "refused"}, "certification": {}}
    return {"note": _NOTES[state]} if state in _NOTES else {}


def _png(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
