"""The OpenID provider as we ask it: briefly, for little, and only what it says of itself."""

from __future__ import annotations

import io
import time
from typing import Any
from urllib.parse import urlsplit

from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import FlaskIntegration, FlaskOAuth2App
from authlib.integrations.requests_client import OAuth2Session
from flask import request
from joserfc.errors import JoseError
from requests import PreparedRequest, RequestException, Response
from urllib3.exceptions import HTTPError

from storage.errors import LetheError
from storage.loopback import is_loopback
from storage.settings import HOUR, Settings

NAME = "oidc"
MOST_BYTES = 1024 * 1024  # of any answer of the provider
SILENCE = 5.0  # seconds, to connect and between two pieces of an answer
SECONDS = 10.0  # for a whole answer
FRESH_SECONDS = HOUR  # then the provider's endpoints and keys are asked for again
REST_SECONDS = 5  # in which a provider that failed is not asked again
_LEEWAY = 60  # seconds that two clocks may differ
# Signatures that only the provider can make: "none" and HMAC are not among them.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
               "EdDSA", "Ed25519")  # fmt: skip
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class ProviderUnavailable(LetheError):
    """The provider does not answer, or not as one should."""


class SignInRefused(LetheError):
    """What came back from the provider proves nothing. The message is the error's kind alone."""

    def __init__(self, kind: str, *, by_provider: bool = False) -> None:
        super().__init__(kind)
        self.by_provider = by_provider  # it says itself that it signed nobody in


class BadAnswer(RequestException):
    """An answer was too long, too slow, broke off, or was no JSON object."""


class _Session(OAuth2Session):  # type: ignore[misc]
    """Follows no redirect, and reads no more and no longer than it should."""

    def send(self, asked: PreparedRequest, **options: Any) -> Response:
        deadline = time.monotonic() + SECONDS
        asked.headers["Accept-Encoding"] = "identity"
        options |= {"stream": True, "allow_redirects": False, "timeout": SILENCE}
        response: Response = super().send(asked, **options)
        try:
            data = _read(response, deadline)
        except HTTPError as error:  # urllib3's; what requests makes of it comes later
            raise BadAnswer(str(error)) from None
        response.raw = io.BytesIO(data)
        if response.status_code < 400 and not isinstance(response.json(), dict):
            raise BadAnswer("no JSON object")
        return response


def _read(response: Response, deadline: float) -> bytes:
    data = bytearray()
    try:
        while piece := response.raw.read1(64 * 1024):
            data += piece
            if len(data) > MOST_BYTES or time.monotonic() > deadline:
                raise BadAnswer(f"more than {MOST_BYTES} bytes, or longer than {SECONDS:.0f} s")
    finally:
        response.close()
    return bytes(data)


class Provider(FlaskOAuth2App):  # type: ignore[misc]
    client_cls = _Session
    server_metadata: dict[str, Any]  # and the provider's keys, once they were needed

    def __init__(self, settings: Settings) -> None:
        secret = settings.oidc_client_secret
        super().__init__(
            FlaskIntegration(NAME),
            NAME,
            client_id=settings.oidc_client_id,
            client_secret=secret.get_secret_value() if secret else None,
            client_kwargs={"scope": settings.oidc_scope, "code_challenge_method": "S256"},
        )
        self.issuer = str(settings.oidc_issuer)
        self.title = f"{settings.oidc_name} ({urlsplit(self.issuer).hostname})"
        self._failed_at = float(-REST_SECONDS)

    def load_server_metadata(self) -> dict[str, Any]:
        """Discovery (OpenID Connect Discovery 1.0, 4).

        Raises:
            ProviderUnavailable
        """
        if time.monotonic() - self.server_metadata.get("asked_at", -FRESH_SECONDS) < FRESH_SECONDS:
            return self.server_metadata
        if time.monotonic() - self._failed_at < REST_SECONDS:
            raise ProviderUnavailable(f"{self.title} did not answer just now; try again")
        try:
            self.server_metadata = self._discovered()
        except (RequestException, ProviderUnavailable) as error:
            self._failed_at = time.monotonic()
            raise self._unavailable(error) from None
        return self.server_metadata

    def claims(self) -> dict[str, Any]:
        """What the ID token says that the code in this request's address buys.

        Its signature, issuer, audience, times and nonce hold (OpenID Connect Core, 3.1.3.7).

        Raises:
            SignInRefused, ProviderUnavailable
        """
        issuer = self.load_server_metadata()["issuer"]
        wanted = {
            "iss": {"essential": True, "value": issuer},
            "aud": {"essential": True, "value": self.client_id},
            "sub": {"essential": True},
        }
        if "error" in request.args:
            raise SignInRefused("error", by_provider=True)
        try:
            token = self.authorize_access_token(claims_options=wanted, leeway=_LEEWAY)
            return dict(token["userinfo"])
        except RequestException as error:
            raise self._unavailable(error) from None
        except (OAuthError, JoseError, KeyError, TypeError, ValueError) as error:
            raise SignInRefused(type(error).__name__) from None

    def _discovered(self) -> dict[str, Any]:
        url = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        with self._get_session() as session:
            response = session.request("GET", url, withhold_token=True)
            response.raise_for_status()
            found = response.json()
        if found.get("issuer") != self.issuer:
            raise ProviderUnavailable("it says that it is another issuer than LETHE_OIDC_ISSUER")
        endpoints = {name: found.get(name) for name in _ENDPOINTS}
        if wrong := [name for name, url in endpoints.items() if not self._may_be_asked(url)]:
            raise ProviderUnavailable(f"its {wrong[0]} is missing or not https")
        said = _texts(found.get("id_token_signing_alg_values_supported"), "RS256")
        if not (algorithms := [name for name in _ALGORITHMS if name in said]):
            raise ProviderUnavailable("it signs its ID tokens in no way that is taken here")
        methods = _texts(found.get("token_endpoint_auth_methods_supported"), "client_secret_basic")
        basic = "client_secret_basic" in methods
        return endpoints | {
            "issuer": self.issuer,
            "id_token_signing_alg_values_supported": algorithms,
            "token_endpoint_auth_method": "client_secret_basic" if basic else "client_secret_post",
            "asked_at": time.monotonic(),
        }

    def _may_be_asked(self, url: object) -> bool:
        try:
            parts = urlsplit(url if isinstance(url, str) else "")
        except ValueError:
            return False
        near = parts.scheme == "http" and is_loopback(parts.hostname or "")
        return bool(parts.hostname) and (parts.scheme == "https" or near)

    def _unavailable(self, error: Exception) -> ProviderUnavailable:
        what = str(error) if isinstance(error, ProviderUnavailable) else type(error).__name__
        return ProviderUnavailable(f"{self.title} does not answer as it should: {what}")


def _texts(value: object, default: str) -> list[object]:
    """What stands in a list of the discovery document; the standard's default without one."""
    if value is None:
        return [default]
    return value if isinstance(value, list) else []
