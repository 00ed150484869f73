"""Settings: an OpenID provider by which people sign in, and what its claims make of them."""

from __future__ import annotations

import json
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from storage.accounts.roles import Role
from storage.loopback import is_loopback

_TOGETHER = ("oidc_issuer", "oidc_client_id", "oidc_client_secret")


class OidcSettings(BaseModel):
    oidc_issuer: str | None = None  # as the provider writes it in its tokens
    oidc_client_id: str | None = Field(None, max_length=255)
    oidc_client_secret: SecretStr | None = Field(None, validate_default=True)
    oidc_name: str = Field("SSO", min_length=1, max_length=40)  # "Sign in with …"
    oidc_scope: str = "openid profile"
    oidc_name_claim: str = Field("preferred_username", min_length=1)
    # where the roles stand; a dot goes into an object: realm_access.roles
    oidc_role_claim: str = Field("roles", min_length=1)
    # JSON, a claim's value → role; who has more than one of them gets the role of the first
    oidc_roles: Annotated[dict[str, Role], NoDecode] = Field({}, validate_default=True)

    @field_validator("oidc_issuer", "oidc_client_id", "oidc_client_secret", mode="before")
    @classmethod
    def _none_if_empty(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("oidc_issuer")
    @classmethod
    def _provider(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
            raise ValueError("give the provider's issuer, e.g. https://id.example.org/realms/acme")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ValueError("use https: only a provider on this machine may be asked over http")
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("give no user, password, query or fragment")
        return value

    @field_validator("oidc_client_secret")
    @classmethod
    def _all_or_none(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        given = [info.data[name] for name in _TOGETHER if name in info.data] + [value]
        complete = len(given) == len(_TOGETHER)  # what was refused already is named already
        if complete and any(given) and not all(given):
            names = " and ".join(f"LETHE_{name.upper()}" for name in _TOGETHER)
            raise ValueError(f"set {names}, or none of them")
        return value

    @field_validator("oidc_scope")
    @classmethod
    def _open_id(cls, value: str) -> str:
        if "openid" not in value.split():
            raise ValueError("must hold openid, e.g. openid profile groups")
        return value

    @field_validator("oidc_roles", mode="before")
    @classmethod
    def _mapping(cls, value: object, info: ValidationInfo) -> object:
        example = """give JSON, claim value → role, e.g. {"lethe-admins": "admin"}"""
        if isinstance(value, str) and value:
            try:
                value = json.loads(value)
            except ValueError:
                raise ValueError(f"not JSON; {example}") from None
        if not isinstance(value, dict):
            value = {} if not value else None
        roles = [str(role) for role in Role]
        if value is None or any(role not in roles for role in value.values()):
            raise ValueError(f"{example}; roles are {', '.join(roles)}")
        if info.data.get("oidc_issuer"):
            if not value:
                raise ValueError(f"nobody could sign in by LETHE_OIDC_ISSUER: {example}")
            if "public_url" in info.data and info.data["public_url"] is None:
                raise ValueError(
                    "LETHE_PUBLIC_URL is not set: the provider sends people back there"
                )
        return value
