"""The machine that figures were taken on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

from redis import Redis

PACKAGES = ("celery", "flask", "gunicorn", "minio", "redis", "torch")


def machine(redis: Redis) -> list[str]:
    """Lines that say it, without the machine's name."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    server = dict(redis.info("server"))["redis_version"]
    return [
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB; load before {load}",
        f"Linux {platform.release()}, Python {platform.python_version()}, Redis {server}",
        packages,
    ]


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
