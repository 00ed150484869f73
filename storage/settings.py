"""Settings: read once from the environment (prefix ``LETHE_``), all errors together."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from storage.accounts.oidc_settings import OidcSettings
from storage.accounts.settings import AccountSettings
from storage.errors import BadInput
from storage.host_settings import HostSettings
from storage.logs.settings import LogSettings
from storage.loopback import is_loopback
from storage.tickets.webhook_signature import key_of

MIB = 1024 * 1024
HOUR = 3600
Positive = Annotated[int, Field(gt=0)]


class BadSettings(BadInput):
    """One or more environment variables are missing or wrong."""


class Settings(AccountSettings, OidcSettings, HostSettings, LogSettings, BaseSettings):
    """Everything that differs between two installations. Secrets have no defaults.

    An empty variable counts as none.
    """

    model_config = SettingsConfigDict(
        env_prefix="LETHE_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    redis_url: str = Field("redis://127.0.0.1:6379/0", repr=False)  # may hold a password

    s3_endpoint: str  # http://host:port or https://host
    s3_access_key: str
    s3_secret_key: SecretStr
    s3_region: str = "us-east-1"
    s3_bucket: str = "lethe"
    s3_timeout: float = Field(20.0, ge=1, le=300)  # seconds of silence; asked three times in all

    secret_key: SecretStr | None = None  # signs the web sessions; only web needs it
    # Ed25519 private key, PEM or base64 of it; only workers need it, and one of the two alone
    signing_key: SecretStr | None = None
    signing_key_file: Path | None = None
    secure_cookies: bool = True  # False only where the pages are served over plain http

    # told of every change of a ticket's state; both or neither. A URL may hold a token
    webhook_url: str | None = Field(None, repr=False)
    webhook_secret: SecretStr | None = Field(None, validate_default=True)

    detector: Path | None = None  # InsightFace detection model (.onnx) for uncropped photos
    cache_dir: Path = Path.home() / ".cache" / "lethe"  # model files and frozen activations
    # of the workers: model files in it can be imported by their names. Not set: none can
    import_dir: Path | None = None
    metrics_dir: Path | None = None  # prometheus_client's multiprocess folder
    # of the workers: where Prometheus asks for what they count. Not set: it asks the web
    metrics_port: Annotated[int, Field(gt=0, lt=65536)] | None = None

    # what certificates are judged by: a policy that comes with Lethe, or a file that ends in .toml
    policy: str = "default"
    publish_as: str = "current"  # the alias a certified version gets: current or candidate
    reference_faces: str = "reference"  # face set used where a model names none
    benchmark_faces: str = "benchmark"

    photos_per_ticket: Positive = 200
    photo_bytes: Positive = 20 * MIB
    photo_pixels: Positive = 50_000_000  # refused from the header, before decoding
    model_bytes: Positive = 2048 * MIB
    # from submission; where not set, GDPR Art. 12(3): one calendar month
    deadline_days: Positive | None = None
    deadline_warning_days: Positive = 7  # so long before, a ticket's deadline is said to be near
    retention_days: Positive | None = 365  # then ended tickets leave the lists; the record has them
    tickets_per_run: Positive = 16  # one run forgets at most so many people
    # of a benchmark with more faces, GPU workers embed and search so many at a time
    shard_faces: Positive = 10_000
    train_gpus: Positive = 1  # of one GPU worker, which train a network together

    lease_seconds: Positive = 60  # a worker silent for so long has lost its model
    sweep_seconds: Positive = 30
    piece_seconds: Positive = 30  # in which 16 KiB of an upload must come, or it is cut off
    orphan_seconds: Positive = HOUR  # photos without a ticket for so long are removed
    draft_seconds: Positive = 72 * HOUR  # a draft that nobody touched for so long is removed
    drafts_per_user: Positive = 10
    photo_removal_seconds: Positive = HOUR  # an ended ticket's photos are gone by then, or it shows
    task_attempts: Positive = 5  # then the ticket fails and says why
    visibility_timeout: Positive = 12 * HOUR  # above the longest erasure; see workers/app.py

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: str) -> str:
        parts = urlsplit(value)
        # Reading the port refuses one that is no number.
        if parts.scheme not in {"redis", "rediss"} or not parts.hostname or parts.port == 0:
            raise ValueError("give redis://[:password@]host:port/number, or rediss:// for TLS")
        return value

    @field_validator("s3_endpoint")
    @classmethod
    def _endpoint(cls, value: str) -> str:
        parts = urlsplit(value)
        more = parts.path.strip("/") or parts.username or parts.query or parts.port == 0
        if parts.scheme not in {"http", "https"} or not parts.hostname or more:
            raise ValueError("give scheme, host and port alone, e.g. http://127.0.0.1:9000")
        return value.rstrip("/")

    @field_validator("publish_as")
    @classmethod
    def _publish_as(cls, value: str) -> str:
        if value not in {"current", "candidate"}:
            raise ValueError("must be current or candidate")
        return value

    @field_validator("retention_days", mode="before")
    @classmethod
    def _never(cls, value: object) -> object:
        return None if value == "never" else value

    @field_validator("metrics_port")
    @classmethod
    def _counted(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and info.data.get("metrics_dir") is None:
            raise ValueError("set LETHE_METRICS_DIR, too: what is counted is read from there")
        return value

    @field_validator("signing_key_file")
    @classmethod
    def _one_key(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is not None and info.data.get("signing_key") is not None:
            raise ValueError("LETHE_SIGNING_KEY is set, too, and may be another key; unset one")
        return value

    @field_validator("webhook_url")
    @classmethod
    def _receiver(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
            raise ValueError("give https://host/path")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ValueError("use https: only a receiver on this machine may be told over http")
        if "@" in parts.netloc or parts.fragment:
            raise ValueError("give no user, password or fragment; the signature says who sends")
        return value

    @field_validator("webhook_secret")
    @classmethod
    def _signs(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is not None:
            key_of(value.get_secret_value())
        if "webhook_url" in info.data and (info.data["webhook_url"] is None) != (value is None):
            raise ValueError("set LETHE_WEBHOOK_URL and LETHE_WEBHOOK_SECRET, or neither")
        return value

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 32:
            raise ValueError("needs at least 32 characters; make one: openssl rand -hex 32")
        return value


@cache
def settings() -> Settings:
    """The process's settings.

    Raises:
        BadSettings: names every variable that is missing or wrong, in one message.
    """
    try:
        return Settings()
    except ValidationError as error:
        lines = [
            f"LETHE_{'_'.join(str(part) for part in item['loc']).upper()}: "
            f"{'is not set' if item['type'] == 'missing' else item['msg']}"
            for item in error.errors()
        ]
        raise BadSettings(
            "settings: " + "; ".join(lines) + " (`lethe up` sets them all for one machine)"
        ) from None
