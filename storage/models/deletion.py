"""That a version's files were deleted, by whom and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from storage.canonical import Corrupt, Document


@dataclass(frozen=True)
class Deletion:
    """That a version's files were deleted. Its manifest stays, and the chain with it."""

    number: int
    digest: str  # of the version
    actor: str
    at: str  # ISO 8601, UTC
    reason: str

    @classmethod
    def parse(cls, document: Document, number: int, name: str) -> Deletion:
        """
        Raises:
            Corrupt: not the deletion of this version.
        """
        texts = [document.get(key) for key in ("digest", "actor", "at", "reason")]
        try:
            datetime.fromisoformat(str(texts[2]))
        except ValueError:
            raise Corrupt(f"{name}: not a deletion") from None
        if document.get("version") != number or not all(isinstance(text, str) for text in texts):
            raise Corrupt(f"{name}: not a deletion of this version")
        digest, actor, at, reason = map(str, texts)
        return cls(number, digest, actor, at, reason)
