"""A certificate that somebody presents: checked piece by piece, each said in a line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from storage.canonical import file_sha256, sha256
from storage.certificates.chain import Link, back_to_import
from storage.certificates.form import Certificate, form_of
from storage.certificates.issued import verify
from storage.certificates.signing import BadCertificate, claimed_key, key_id
from storage.certificates.verdict import check_policy
from storage.errors import BadInput
from storage.models.registry import MODEL_FILE

_TICKET = re.compile(r"t[0-9a-z]{12}")  # a file's name in the record, less .json


@dataclass(frozen=True)
class Presented:
    """A certificate whose form, signature and verdict hold."""

    file: Path
    link: Link

    @property
    def form(self) -> Certificate:
        return self.link.form

    def say_itself(self) -> None:
        form = self.form
        required = sum(rule.required for rule in form.rules)
        _say(f"form: canonical JSON (RFC 8785); every field as format {form.format} asks")
        _say(f"signature: holds, key {form.key_id} (Ed25519)")
        _say(
            f"rules: {len(form.rules)}, {required} of them required; each outcome follows from "
            "its figure, interval, threshold and sample, and the verdict from the outcomes"
        )
        _say("figures: those of the rules and of the headline are those of the figures section")
        _say(f"verdict: {form.verdict}, ticket {form.ticket}, model {form.model}")
        _say(
            f"versions: {form.version.number}, made from {form.parent.number}; "
            f"certified {form.created_at}"
        )
        for claim, examined in form.claims.model_dump().items():
            _say(f"claim: {claim.replace('_', ' ')}: {examined}")

    def check_ticket(self, ticket: str) -> None:
        if self.form.ticket != ticket:
            raise BadCertificate(
                f"{self.file}: certifies ticket {self.form.ticket}, not {ticket[:32]!r}: "
                "the certificate of another ticket"
            )
        _say(f"ticket: {ticket}, as asked")

    def say_policy(self, given: Path | None) -> None:
        policy = self.form.policy
        name = f"{policy.name} version {policy.version}, SHA-256 {policy.digest[:12]}…"
        if given:
            check_policy(self.form, _read(given, "a policy file"), str(self.file), str(given))
            _say(f"policy: {name}: {given} is that file, and its rules are these")
        elif (own := _shipped(policy.name)) and sha256(own) == policy.digest:
            check_policy(self.form, own, str(self.file), policy.name)
            _say(f"policy: {name}: as it comes with this Lethe, rule for rule")
        else:
            _say(f"policy: {name}: not compared; give the file with --policy")

    def say_model_files(self, old: Path | None, new: Path | None) -> None:
        for what, version, path in (
            ("parent", self.form.parent, old),
            ("version", self.form.version, new),
        ):
            if path is None:
                _say(f"{what} {version.number}: its file was not given and not compared")
                continue
            certified, found = version.files.get(MODEL_FILE, "none"), model_digest(path)
            if found != certified:
                raise BadCertificate(
                    f"{self.file}: certifies a file with SHA-256 {certified[:12]}…, "
                    f"and {path} has {found[:12]}…"
                )
            _say(f"{what} {version.number}: {path} is the certified file")

    def say_chain(
        self, previous: Sequence[Path], folder: Path | None, keys: Sequence[Ed25519PublicKey]
    ) -> None:
        if not previous and folder is None:
            before = self.link.previous
            which = f"SHA-256 {before[:12]}…; not checked" if before else "none is named"
            return _say(f"chain: the certificate before it: {which} (--previous, --chain)")
        others = [read_link(path, keys) for path in previous]
        others += self._others(folder, keys) if folder else []
        chain = back_to_import(self.link, others)
        first = chain[-1]
        _say(f"chain: {len(chain)} certificates, each names the one before it")
        if first.imported:
            return _say(f"chain: back to the import of {self.form.model}, {first.imported[:12]}…")
        return _say(f"chain: ends at {first.name}: format 1 does not name the one before it")

    def _others(self, folder: Path, keys: Sequence[Ed25519PublicKey]) -> list[Link]:
        """The other certificates of the model in a folder, in which this one may lie, too."""
        if not folder.is_dir():
            raise BadInput(f"{folder}: not a folder; give one with the model's certificates")
        links = [read_link(path, keys) for path in sorted(folder.glob("*.json"))]
        for link in links:
            named = Path(link.name).stem
            if _TICKET.fullmatch(named) and named != link.form.ticket:
                raise BadCertificate(
                    f"{link.name}: the certificate of ticket {link.form.ticket}: replayed"
                )
        same = [link for link in links if link.digest == self.link.digest]
        if len(same) > 1:
            raise BadCertificate(
                f"{same[1].name}: the same certificate as {same[0].name}: replayed"
            )
        return [link for link in links if link not in same and link.form.model == self.form.model]


def read_link(path: Path, keys: Sequence[Ed25519PublicKey]) -> Link:
    """
    Raises:
        BadInput: no such file.
        BadCertificate: it does not verify with the one of ``keys`` that it names.
    """
    data = _read(path, "the certificate's file")
    by_id = {key_id(key): key for key in keys}
    claimed = claimed_key(data, str(path)) if len(by_id) > 1 else ""
    if claimed and claimed not in by_id:
        raise BadCertificate(
            f"{path}: signed with key {claimed}, and the keys given are {', '.join(by_id)}; "
            "give the key it was signed with"
        )
    body = verify(data, by_id.get(claimed, keys[0]), str(path))
    return Link.of(data, form_of(body, str(path)), str(path))


def _shipped(name: str) -> bytes | None:
    file = resources.files("workers") / "certification" / "policies" / f"{name}.toml"
    return file.read_bytes() if file.is_file() else None


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}; give {what}") from None


def model_digest(path: Path) -> str:
    """The SHA-256 of a model's file.

    Raises:
        BadInput: there is none that can be read.
    """
    try:
        return file_sha256(path)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}; give the model's file") from None


def _say(line: str) -> None:
    click.echo(line)
