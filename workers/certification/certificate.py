"""The certificate's body: what was found, bound to the files and photos it was found on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storage.canonical import Document
from storage.certificates.form import FORMAT


def certificate_body(
    certification: Mapping[str, Any],
    *,
    ticket: str,
    model: str,
    version: Mapping[str, Any],
    parent: Mapping[str, Any],
    face_sets: Mapping[str, str],
    photos: str,
    forget_photos: str,
    held_out_photos: str,
    imported_version: str,
    previous_certificate: str | None,
    software: str,
    seed: int,
    created_at: str,
) -> Document:
    """A JSON object for ``storage.certificates.issued.issue``. It names no subject and no person.

    Args:
        certification: ``Certification.document()`` of the one subject whose ticket this is.
        version: the new version's ``number``, ``digest`` and ``files`` (SHA-256 by name).
        parent: the same of the version that it was made from.
        face_sets: digests by name.
        photos: digest of the subject's photos, salted, so that no photo can be tried against it.
        forget_photos: the same of the crops that drove the erasure.
        held_out_photos: the same of the crops that only judged it.
        imported_version: digest of the version that the model was imported as.
        previous_certificate: SHA-256 of the model's certificate file before, None for its first.
        software: name and version of what made the new version.
        seed: of the run that made it.
        created_at: ISO 8601, UTC.

    Raises:
        ValueError: a certification of several subjects.
    """
    if len(certification["figures"]["subjects"]) != 1:
        raise ValueError("a certificate is about one subject: use Certification.for_subject")
    return {
        **certification,
        "format": FORMAT,
        "ticket": ticket,
        "model": model,
        "version": dict(version),
        "parent": dict(parent),
        "face_sets": dict(face_sets),
        "photos": photos,
        "forget_photos": forget_photos,
        "held_out_photos": held_out_photos,
        "imported_version": imported_version,
        "previous_certificate": previous_certificate,
        "software": software,
        "seed": seed,
        "created_at": created_at,
    }
