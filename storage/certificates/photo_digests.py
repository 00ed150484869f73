"""Digests that bind a certificate to the subject's photos, and cannot be searched for a face."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from storage import names, object_names
from storage.canonical import Corrupt, canonical
from storage.store.objects import ObjectStore
from storage.tickets.photos import Selection


@dataclass(frozen=True)
class PhotoDigests:
    """Of the crops that drove an erasure, and of those that judged it."""

    forget: str
    held_out: str

    @classmethod
    def of(cls, objects: ObjectStore, ticket: str, selection: Selection) -> PhotoDigests:
        """HMAC-SHA256 of the sorted SHA-256s, under the 32 random bytes kept with the photos.

        The key goes with the photos, so afterwards nobody can ask whether a picture at hand was
        among them: neither the digest nor the events hold anything made of the pictures alone.

        Raises:
            ObjectMissing: the photos are gone.
            Corrupt
        """
        name = object_names.photo_manifest(names.ticket_id(ticket))
        salt = objects.get_document(name).get("salt")
        try:
            key = bytes.fromhex(str(salt))
        except ValueError:
            key = b""
        if len(key) < hashlib.sha256().digest_size:
            raise Corrupt(f"{name}: holds no salt of 32 bytes")
        return cls(
            salted(key, "forget", selection.forget), salted(key, "held_out", selection.held_out)
        )


def salted(key: bytes, which: str, photos: Sequence[str]) -> str:
    """HMAC-SHA256 of the sorted SHA-256s of photos, and of what they were used for."""
    return hmac.new(key, canonical({which: sorted(photos)}), hashlib.sha256).hexdigest()
