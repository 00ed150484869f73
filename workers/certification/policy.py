"""Policies: TOML files of rules that say what a certificate is passed or refused for."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from storage.canonical import sha256
from storage.errors import BadInput
from workers.certification.catalogue import FIGURES
from workers.certification.figures import SAMPLES

SHIPPED = ("default", "strict", "seed")
_STRICT = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class BadPolicy(BadInput):
    """A policy file that cannot be used."""


class Rule(BaseModel):
    """One figure and the bound that it must keep."""

    model_config = _STRICT

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")
    text: str = Field(min_length=1, max_length=300)
    figure: str
    comparison: Literal["at_most", "at_least"]
    threshold: float
    judged: Literal["estimate", "interval"] = "estimate"
    """``interval``: the worse end of the 95 % interval must keep the bound."""
    minimum: Mapping[str, int] = Field(default_factory=dict)
    """The fewest photos, people, comparisons … that the figure may stand on."""
    required: bool = True
    """A rule that is not required is shown and does not change the verdict."""

    @field_validator("figure")
    @classmethod
    def _known(cls, figure: str) -> str:
        if figure not in FIGURES:
            raise ValueError(f"no figure {figure[:80]!r}; there are {', '.join(sorted(FIGURES))}")
        return figure

    @field_validator("minimum")
    @classmethod
    def _counted(cls, minimum: Mapping[str, int]) -> Mapping[str, int]:
        for sample, count in minimum.items():
            if sample not in SAMPLES or count < 1:
                raise ValueError(
                    f"{sample[:80]} = {count}: count at least 1 of {', '.join(sorted(SAMPLES))}"
                )
        return minimum


class PolicyFile(BaseModel):
    """What a policy file says."""

    model_config = _STRICT

    format: Literal[1]
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    version: int = Field(ge=1)
    text: str = Field(min_length=1, max_length=1000)
    rules: tuple[Rule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _meaningful(self) -> PolicyFile:
        ids = [rule.id for rule in self.rules]
        for id_ in ids:
            if ids.count(id_) > 1:
                raise ValueError(f"rule {id_!r} is there twice")
        if not any(rule.required for rule in self.rules):
            raise ValueError("no rule is required, so it would pass everything")
        return self


class Policy(PolicyFile):
    """A policy and the SHA-256 of the file it was read from."""

    digest: str

    @classmethod
    def parse(cls, data: bytes, name: str) -> Policy:
        """
        Raises:
            BadPolicy: not TOML, an unknown or missing key, a figure that there is none of.
        """
        try:
            document = tomllib.loads(data.decode())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadPolicy(f"{name}: not TOML: {_one_line(str(error))}") from None
        try:
            file = PolicyFile.model_validate(document)
        except ValidationError as error:
            raise BadPolicy(f"{name}: {_first(error)}") from None
        return cls(**dict(file), digest=sha256(data))

    @classmethod
    def read(cls, path: Path) -> Policy:
        """
        Raises:
            BadPolicy: it cannot be read or used.
        """
        try:
            return cls.parse(path.read_bytes(), str(path))
        except OSError as error:
            raise BadPolicy(f"{path}: {error.strerror}; give a policy file") from None

    @classmethod
    def named(cls, name: str = "default") -> Policy:
        """One of the policies that come with Lethe.

        Raises:
            BadPolicy: there is none of this name.
        """
        if name not in SHIPPED:
            raise BadPolicy(f"policy {name[:80]!r}: there is none; use {', '.join(SHIPPED)}")
        file = resources.files("workers.certification") / "policies" / f"{name}.toml"
        return cls.parse(file.read_bytes(), f"{name}.toml")


def _first(error: ValidationError) -> str:
    """What is wrong, as ``rules.2.treshold: unknown key; remove it or spell it right``."""
    # A key spelt wrong is told before the one that is missing for it.
    errors = error.errors()
    found = next((item for item in errors if item["type"] == "extra_forbidden"), errors[0])
    where = ".".join(str(part) for part in found["loc"]) or "policy"
    if found["type"] == "extra_forbidden":
        why = "unknown key; remove it or spell it as the shipped policies do"
    elif found["type"] == "missing":
        why = "missing; add it"
    else:
        why = found["msg"].removeprefix("Value error, ")
    return _one_line(f"{where}: {why}")


def _one_line(text: str) -> str:
    return " ".join(text.split())
