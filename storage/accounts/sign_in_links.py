"""One-time links: whoever holds one gets into one account, once, within an hour."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from redis import Redis

from storage import keys, names
from storage.accounts.sessions import digest
from storage.settings import HOUR

LINK_SECONDS = HOUR
_SIGNS_IN, _SETS_PASSWORD = "sign-in", "password"


@dataclass(frozen=True)
class SignInLink:
    user: str
    sets_password: bool  # its reader chooses a new password first


class SignInLinks:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def make(self, user: str, *, sets_password: bool = False) -> str:
        """The token for ``/sign-in/link/<token>``. The account must exist."""
        token = secrets.token_urlsafe(32)
        kind = _SETS_PASSWORD if sets_password else _SIGNS_IN
        kept = f"{kind} {names.user_name(user)}"
        self._redis.set(keys.sign_in_link(digest(token)), kept, ex=LINK_SECONDS)
        return token

    def look(self, token: str) -> SignInLink | None:
        return _link(self._redis.get(keys.sign_in_link(digest(token))))

    def use(self, token: str) -> SignInLink | None:
        """The link, used up; None where it was used before or is too old."""
        return _link(self._redis.getdel(keys.sign_in_link(digest(token))))


def _link(kept: object) -> SignInLink | None:
    if kept is None:
        return None
    kind, _, user = str(kept).rpartition(" ")  # a link of an older Lethe holds the user alone
    return SignInLink(user, sets_password=kind == _SETS_PASSWORD)
