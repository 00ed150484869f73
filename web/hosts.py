"""Under which names this server answers, and whose word on that it takes."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from flask import Flask, Response, current_app, request
from flask_babel import gettext as _
from werkzeug.exceptions import SecurityError
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing.exceptions import RequestRedirect
from werkzeug.sansio.utils import host_is_trusted

from storage.settings import Settings
from web.errors import answer
from web.services import record

# Kubernetes and Prometheus ask by a pod's address. These answers hold no link and no secret.
ANY_HOST = frozenset({"health.live", "health.ready", "metrics.scrape"})
_NAMES = "LETHE_HOSTS"


def install(app: Flask, settings: Settings) -> None:
    """Before all that looks at a request's address, host or scheme."""
    if number := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=number, x_proto=number, x_host=number
        )
    app.config[_NAMES] = settings.allowed_hosts
    app.before_request(_check)
    app.before_request(_redirect_to_a_path)
    app.register_error_handler(SecurityError, _refuse)


def public(path: str) -> str:
    """The whole URL of a path of ours, by LETHE_PUBLIC_URL; the path alone where that is not set.

    Never made of the Host header: whoever forges one would have links lead to another site.
    """
    return f"{record().settings.public_url or ''}{path}"


def _check() -> None:
    """
    Raises:
        SecurityError: a 400; the request is for another server, or pretends to be.
    """
    allowed = current_app.config[_NAMES]
    if not allowed or request.endpoint in ANY_HOST:
        return
    if not host_is_trusted(request.host.lower(), allowed):
        raise SecurityError


def _redirect_to_a_path() -> None:
    """The router's own redirects, of ``//``, would hold a URL made of the Host header."""
    found = request.routing_exception
    if isinstance(found, RequestRedirect):
        parts = urlsplit(found.new_url)
        found.new_url = urlunsplit(("", "", parts.path, parts.query, ""))


def _refuse(_error: SecurityError) -> Response:
    # The name itself is not repeated: it is a stranger's.
    return answer(
        400,
        what=_("This server does not go by the name that it was asked for."),
        do=_("Use the address that your administrator gave you."),
    )
