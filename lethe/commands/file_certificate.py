"""A signed certificate for two model files, without a record: its place in a chain of files."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version as package_version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from lethe.commands.certificate_check import model_digest, read_link
from storage import names
from storage.canonical import Document, canonical, sha256
from storage.certificates.chain import Link
from storage.certificates.form import Certificate2
from storage.certificates.issued import BadCertificate, Signer, issue
from storage.certificates.photo_digests import salted
from storage.errors import BadInput
from storage.models.registry import MODEL_FILE

if TYPE_CHECKING:
    from workers.certify_files import Judged

SALT_BYTES = 32


@dataclass(frozen=True)
class FileCertificate:
    """A certificate to be written: all that can be known of it before anything is measured."""

    signer: Signer
    ticket: str
    model: str
    previous: Link | None
    before: Certificate2 | None  # the form of ``previous``

    @classmethod
    def prepare(
        cls, old: Path, model: str | None, previous: Path | None, subjects: int
    ) -> FileCertificate:
        """
        Args:
            model: name of the line of versions; that of ``previous`` or of the file where None.
            previous: the certificate of the erasure that made ``old``.

        Raises:
            BadInput: several subjects, or a name that cannot be one.
            BadKey: no signing key.
            BadCertificate: ``previous`` does not verify, or is not about ``old``.
        """
        if subjects != 1:
            raise BadInput(
                f"--certificate: a certificate is about one subject, and {subjects} are given; "
                "certify each subject by itself"
            )
        signer = _signer()
        link = read_link(previous, [signer.key.public_key()]) if previous else None
        before = _before(link, old) if link else None
        if before and model and model != before.model:
            raise BadInput(f"--model {model[:64]}: {previous} is of model {before.model}")
        name = before.model if before else model or _name_of(old)
        return cls(signer, names.new_ticket_id(), names.model_name(name), link, before)

    def issue(self, judged: Judged, document: Document) -> tuple[bytes, Document]:
        """The certificate's file, and its body for the report.

        ``document`` is that of ``judged.certification``.

        Raises:
            BadCertificate: it would not have the form of one; nothing is signed.
        """
        from workers.certification import certificate_body

        before = self.before
        parent = before.version.model_dump() if before else self._version(1, None, judged.old)
        (held_out,) = judged.held_out.values()
        salt = secrets.token_bytes(SALT_BYTES)  # forgotten here: no picture can be tried
        body = certificate_body(
            document,
            ticket=self.ticket,
            model=self.model,
            version=self._version(parent["number"] + 1, parent["digest"], judged.new),
            parent=parent,
            face_sets={"benchmark": judged.benchmark},
            photos=salted(salt, "photos", held_out),
            forget_photos=salted(salt, "forget", []),
            held_out_photos=salted(salt, "held_out", held_out),
            imported_version=before.imported_version if before else parent["digest"],
            previous_certificate=self.previous.digest if self.previous else None,
            software=f"lethe {package_version('lethe')}",
            seed=document["resampling_seed"],
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        return issue(body, self.signer), body

    def _version(self, number: int, parent: str | None, files: Mapping[str, str]) -> dict[str, Any]:
        """A version whose manifest is made here; see docs/certificate.md."""
        manifest = {"files": dict(files), "model": self.model, "parent": parent, "version": number}
        return {"number": number, "digest": sha256(canonical(manifest)), "files": dict(files)}


def _signer() -> Signer:
    """By the variables that workers read, without the settings of a server."""
    text, file = (os.environ.get(f"LETHE_SIGNING_KEY{end}") for end in ("", "_FILE"))
    return Signer.given(SecretStr(text) if text else None, Path(file) if file else None)


def _before(link: Link, old: Path) -> Certificate2:
    form = link.form
    if not isinstance(form, Certificate2):
        raise BadCertificate(
            f"{link.name}: format 1, which does not name the import; leave out --previous"
        )
    certified, found = form.version.files.get(MODEL_FILE), model_digest(old)
    if certified != found:
        raise BadCertificate(
            f"{link.name}: its new version has SHA-256 {(certified or 'none')[:12]}…, and {old} "
            f"has {found[:12]}…; give the certificate of the erasure that made {old}"
        )
    return form


def _name_of(old: Path) -> str:
    """The file's name as one of a model, such as ``mobilefacenet`` of ``MobileFaceNet.onnx``."""
    name = re.sub(r"[^a-z0-9_-]+", "-", old.stem.lower()).strip("-_")
    return name[:64] or "model"
