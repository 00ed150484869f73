"""Settings of the logs. They are read before all others, whose mistakes must be logged, too."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

LogFormat = Literal["json", "text"]
LogLevel = Literal["debug", "info", "warning", "error"]


class LogSettings(BaseModel):
    log_format: LogFormat = "json"  # `lethe up` sets text for its own processes
    log_level: LogLevel = "info"  # of Lethe, Celery and gunicorn; others say no less than warnings


class _Read(LogSettings, BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="LETHE_", env_ignore_empty=True, extra="ignore", frozen=True
    )


def log_settings() -> LogSettings:
    """Those of the environment; the defaults where they are wrong, which ``settings()`` says."""
    try:
        return _Read()
    except ValidationError:
        return LogSettings()
