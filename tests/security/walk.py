"""Every address of the application with every method, so that no test forgets a new one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from flask import Flask
from werkzeug.routing import Rule

# What each part of an address is where a test does not say otherwise: nothing that there is.
NOBODY: Mapping[str, str] = {
    "ticket": "t000000000000",
    "name": "nobody",
    "user": "nobody",
    "number": "1",
    "import_id": "i000000000000",
    "token": 12 * "0",
    "session": 64 * "0",
    "filename": "x",
    "sha256": 64 * "0",
}


@dataclass(frozen=True)
class Address:
    endpoint: str
    method: str
    rule: str
    parts: frozenset[str]

    def path(self, values: Mapping[str, str] = NOBODY) -> str:
        """With each value as it is: whoever wants it quoted quotes it."""
        path = self.rule
        for part in self.parts:
            for converter in ("", "int:", "path:"):
                path = path.replace(f"<{converter}{part}>", {**NOBODY, **values}[part])
        return path


def addresses(app: Flask) -> Iterator[Address]:
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield _address(rule, method)


def _address(rule: Rule, method: str) -> Address:
    return Address(rule.endpoint, method, rule.rule, frozenset(rule.arguments))
