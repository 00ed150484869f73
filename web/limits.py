"""How often anything may be tried: Flask-Limiter, counted in Redis.

What is listed here is counted before a body is read, and answered with 429 and Retry-After.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import structlog
from flask import Flask, current_app, request
from flask_limiter import ApplicationLimit, Limiter, RequestLimit
from limits import RateLimitItem, parse
from limits.storage import RedisStorage
from limits.strategies import RateLimiter
from redis import Redis
from werkzeug.exceptions import TooManyRequests

from storage import keys
from storage.accounts.addresses import network
from storage.accounts.sessions import digest
from storage.settings import Settings
from web.accounts.signed_in import account
from web.services import record

SIGN_INS = frozenset({
    "sign_in.submit", "sign_in.check_code", "sign_in.use_link", "oidc.begin", "oidc.finish",
})  # fmt: skip
SUBMISSIONS = frozenset({
    "new_ticket.create", "drafts.submit", "tickets.add_photos",
    "api.submit_ticket", "api.add_photos",
})  # fmt: skip
DOWNLOADS = frozenset({
    "models.download", "model_download.packed", "ticket_export.download", "audit.export",
    "api.download_version", "api.download_pack",
})  # fmt: skip

# Counted for one account: of passwords from one address, of codes from all of them together, for
# whoever tries codes has the password. 30 guesses a day find a code of six digits in 30 years.
PASSWORDS = (parse("10 per 15 minutes"),)
CODES = (parse("10 per 15 minutes"), parse("30 per day"))

_NAME = "lethe.limits"
log = structlog.get_logger("web.limits")


class _IndexStorage(RedisStorage):
    """Counts in the record's own Redis, whose failures say what to do."""

    STORAGE_SCHEME = ["lethe"]  # noqa: RUF012 - as the base class has it

    def __init__(self, uri: str, index: Redis, **options: Any) -> None:
        self._index = index
        pool = index.connection_pool
        super().__init__(uri, connection_pool=pool, key_prefix=keys.LIMITS, **options)

    def get_connection(self, readonly: bool = False) -> Any:  # noqa: ARG002 - as it is called
        return self._index


def install(app: Flask, settings: Settings) -> None:
    """After the table of permissions: what is refused there is not counted."""
    limiter = Limiter(
        _account_or_address,
        application_limits=[
            _limit("sign-ins", settings.limit_sign_ins, lambda: request.endpoint in SIGN_INS),
            _limit("submissions", settings.limit_submissions, _is_post_of(SUBMISSIONS)),
            _limit("downloads", settings.limit_downloads, lambda: request.endpoint in DOWNLOADS),
            _limit("api", settings.limit_api, lambda: request.path.startswith("/api/")),
        ],
        strategy="fixed-window",
        on_breach=_refuse,
    )
    with app.app_context():
        app.config["RATELIMIT_STORAGE_OPTIONS"] = {"index": record().redis}
    app.config["RATELIMIT_STORAGE_URI"] = "lethe://"
    limiter.init_app(app)
    app.extensions[_NAME] = limiter.limiter


def count_password(name: str) -> None:
    """Counted before it is tried: many at once gain nothing.

    Raises:
        TooManyRequests
    """
    _count(PASSWORDS, "password", _at_this_address(name))


def forget_passwords(name: str) -> None:
    _forget(PASSWORDS, "password", _at_this_address(name))


def count_code(name: str) -> None:
    """
    Raises:
        TooManyRequests
    """
    _count(CODES, "code", digest(name))


def forget_codes(name: str) -> None:
    _forget(CODES, "code", digest(name))


def _limit(scope: str, words: str, wanted: Callable[[], bool]) -> ApplicationLimit:
    return ApplicationLimit(words, scope=scope, exempt_when=lambda: not wanted())


def _is_post_of(endpoints: frozenset[str]) -> Callable[[], bool]:
    return lambda: request.method == "POST" and request.endpoint in endpoints


def _account_or_address() -> str:
    # Redis holds neither as it is.
    who = None if request.endpoint in SIGN_INS else account()
    return digest(f"account {who.name}" if who else f"address {network(request.remote_addr)}")


def _at_this_address(name: str) -> str:
    return digest(f"{name} {network(request.remote_addr)}")


def _count(items: tuple[RateLimitItem, ...], what: str, whose: str) -> None:
    for item in items:
        if not _limiter().hit(item, what, whose):
            log.warning("locked", what=what, address=request.remote_addr)
            raise _too_many(_limiter().get_window_stats(item, what, whose).reset_time)


def _forget(items: tuple[RateLimitItem, ...], what: str, whose: str) -> None:
    for item in items:
        _limiter().clear(item, what, whose)


def _refuse(limit: RequestLimit) -> None:
    log.warning("too_many", endpoint=request.endpoint, address=request.remote_addr)
    raise _too_many(limit.window.reset_time)


def _too_many(reset_at: float) -> TooManyRequests:
    return TooManyRequests(retry_after=max(1, math.ceil(reset_at - time.time())))


def _limiter() -> RateLimiter:
    found: RateLimiter = current_app.extensions[_NAME]
    return found
