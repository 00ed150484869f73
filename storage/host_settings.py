"""Settings: under which names the pages are served, and how many proxies stand before them."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, field_validator
from pydantic_settings import NoDecode

# A name or an IPv4 address; with a dot before it, every name below it, too.
_HOST = re.compile(r"\.?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_LOOPBACK = ("localhost", "127.0.0.1")


class HostSettings(BaseModel):
    public_url: str | None = None  # where people open the pages: https://host[:port]
    # other names in the Host header, with commas between them; none here nor above: any name
    hosts: Annotated[tuple[str, ...], NoDecode] = ()
    trusted_proxies: int = Field(0, ge=0, le=10)  # whose X-Forwarded-* headers are believed

    @property
    def allowed_hosts(self) -> tuple[str, ...]:
        """Names that a request's Host header may hold; none: any."""
        own = urlsplit(self.public_url).hostname if self.public_url else None
        named = ((own,) if own else ()) + self.hosts
        # Who is on this machine needs no name: `lethe up`, a forwarded port.
        return (*named, *_LOOPBACK) if named else ()

    @field_validator("public_url", mode="before")
    @classmethod
    def _page(cls, value: object) -> object:
        if not isinstance(value, str) or not value:
            return None
        parts = urlsplit(value.rstrip("/"))
        more = parts.path or parts.query or parts.fragment or "@" in parts.netloc
        host = parts.hostname or ""
        # Reading the port refuses one that is no number.
        if parts.scheme not in {"http", "https"} or more or parts.port == 0 or not _is_host(host):
            raise ValueError("give scheme and host alone, e.g. https://lethe.example.org")
        return f"{parts.scheme}://{parts.netloc.lower()}"

    @field_validator("hosts", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        found = tuple(part.strip().lower() for part in value.split(",") if part.strip())
        for host in found:
            if not _is_host(host):
                raise ValueError(
                    f"{host[:80]!r} is no host; give names or IPv4 addresses without a port, with "
                    "commas between them"
                )
        return found


def _is_host(text: str) -> bool:
    return len(text) <= 254 and _HOST.fullmatch(text) is not None
