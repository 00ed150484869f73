"""`lethe certificate`: verify one, offline."""

from __future__ import annotations

from pathlib import Path

import click

from storage.canonical import file_sha256
from storage.certificates import BadCertificate, read_public_key, verify
from storage.errors import BadInput
from storage.models import MODEL_FILE


@click.group()
def certificate() -> None:
    """Certificates."""


@certificate.command("verify")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--key", required=True, type=click.Path(path_type=Path), help="Public key, PEM.")
@click.option("--old", type=click.Path(path_type=Path), help="Model file before, to compare.")
@click.option("--new", type=click.Path(path_type=Path), help="Model file after, to compare.")
def verify_command(file: Path, key: Path, old: Path | None, new: Path | None) -> None:
    """Check a certificate's form and signature; needs no server."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror}; give the certificate's file") from None
    body = verify(data, read_public_key(key), str(file))
    click.echo(f"signature: holds, key {body['key_id']}")
    click.echo(f"verdict: {body['verdict']}, ticket {body['ticket']}, model {body['model']}")
    for what, path in (("parent", old), ("version", new)):
        if path:
            _compare(file, body[what]["files"][MODEL_FILE], path)
            click.echo(f"{what} {body[what]['number']}: {path} is the certified file")


def _compare(file: Path, digest: str, path: Path) -> None:
    try:
        found = file_sha256(path)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}; give the model's file") from None
    if found != digest:
        raise BadCertificate(
            f"{file}: certifies a file with SHA-256 {digest[:12]}…, and {path} has {found[:12]}…"
        )
