"""An installation's folder: its secrets, its data, and where it listens while it runs."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from storage.certificates.signing import Signer, write_new_key
from storage.errors import BadInput
from storage.settings import MIB

DEFAULT_DATA = Path("lethe-data")
LEAST_FREE = 500 * MIB  # a version, its checkpoint and the append-only file fit
_SECRETS = ("s3_access_key", "s3_secret_key", "redis_password", "secret_key")


class InstallationBusy(BadInput):
    """Another process runs this installation."""


@dataclass(frozen=True)
class Installation:
    """What ``lethe up`` keeps in its folder. Secrets are made once and readable by the owner."""

    folder: Path

    @classmethod
    def open(cls, folder: Path) -> Installation:
        """Makes the folder, its secrets and its signing key where they are missing.

        Raises:
            BadInput: the folder cannot be written, or the disk is full.
        """
        installation = cls(folder.resolve())
        try:
            installation.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Closed one by one: the folder itself may be there before, and open to everybody.
            for part in ("logs", "keys", "cache", "metrics", "redis", "s3"):
                (installation.folder / part).mkdir(exist_ok=True, mode=0o700)
            installation._make_secrets()
        except OSError as error:
            raise BadInput(f"{folder}: {error.strerror}; choose a folder with --data") from None
        free = shutil.disk_usage(installation.folder).free
        if free < LEAST_FREE:
            raise BadInput(
                f"{folder}: {free // MIB} MiB of disk left, at least {LEAST_FREE // MIB} are "
                "needed; free some space or choose another disk with --data"
            )
        return installation

    @contextmanager
    def locked(self) -> Iterator[None]:
        """
        Raises:
            InstallationBusy
        """
        with (self.folder / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise InstallationBusy(
                    f"{self.folder}: another `lethe up` or `lethe demo` runs from this folder; "
                    "stop it or choose another with --data"
                ) from None
            yield

    @property
    def secrets(self) -> dict[str, str]:
        return dict(json.loads((self.folder / "secrets.json").read_text()))

    @property
    def signing_key(self) -> Path:
        return self.folder / "keys" / "certificates.pem"

    @property
    def public_key(self) -> Path:
        return self.folder / "keys" / "certificates.pub"

    def log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"

    def environment(self, redis_port: int, s3_endpoint: str) -> dict[str, str]:
        """The settings of every process of this installation, as environment variables.

        Variables that are set and not empty win: so an S3 of one's own is used instead of ours.
        """
        kept = self.secrets
        own = {
            "LETHE_REDIS_URL": f"redis://:{kept['redis_password']}@127.0.0.1:{redis_port}/0",
            "LETHE_S3_ENDPOINT": s3_endpoint,
            "LETHE_S3_ACCESS_KEY": kept["s3_access_key"],
            "LETHE_S3_SECRET_KEY": kept["s3_secret_key"],
            "LETHE_SECRET_KEY": kept["secret_key"],
            "LETHE_SIGNING_KEY_FILE": str(self.signing_key),
            "LETHE_CACHE_DIR": str(self.folder / "cache"),
            "LETHE_METRICS_DIR": str(self.folder / "metrics"),
            "LETHE_SECURE_COOKIES": "false",  # plain http on loopback
            "LETHE_LOG_FORMAT": "text",  # people read the files in logs/
        }
        given = {name: os.environ[name] for name in own if os.environ.get(name)}
        if os.environ.get("LETHE_SIGNING_KEY"):
            del own["LETHE_SIGNING_KEY_FILE"]  # one key signs; both given by somebody is refused
        return own | given

    def announce(self, environment: dict[str, str]) -> None:
        """Leaves word of where the running stack listens, for commands in other terminals."""
        _write_closed(self.folder / "running.json", json.dumps(environment))

    def withdraw(self) -> None:
        (self.folder / "running.json").unlink(missing_ok=True)

    def running(self) -> dict[str, str] | None:
        """The environment of the stack that runs from this folder; None where none does."""
        file, lock = self.folder / "running.json", self.folder / "lock"
        if not file.exists() or not lock.exists():
            return None
        with lock.open() as held, suppress(BlockingIOError):
            fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None  # nobody holds it: the stack that left word was killed
        return dict(json.loads(file.read_text()))

    def _make_secrets(self) -> None:
        file = self.folder / "secrets.json"
        if not file.exists():
            made = {
                name: secrets.token_hex(32 if name == "secret_key" else 16) for name in _SECRETS
            }
            made["s3_access_key"] = "lethe" + made["s3_access_key"][:15]
            _write_closed(file, json.dumps(made))
        if not self.signing_key.exists():
            part = self.signing_key.with_suffix(".part")
            part.unlink(missing_ok=True)
            write_new_key(part)
            part.rename(self.signing_key)
        self.public_key.write_bytes(self._signer().public_pem())

    def _signer(self) -> Signer:
        """The key that certificates are signed with: one that is set already wins over ours."""
        text = os.environ.get("LETHE_SIGNING_KEY")
        file = os.environ.get("LETHE_SIGNING_KEY_FILE") or (None if text else self.signing_key)
        return Signer.given(SecretStr(text) if text else None, Path(file) if file else None)


def _write_closed(file: Path, text: str) -> None:
    """Readable by its owner alone, and whole or not there: a full disk leaves no half a secret."""
    part = file.with_suffix(".part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    part.write_text(text)
    part.rename(file)
