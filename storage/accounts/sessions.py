"""Sessions of people who are signed in, in Redis: each can be listed and ended.

A session's id is the SHA-256 of its token. The token is in the browser's cookie alone.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from redis import Redis

from storage import keys
from storage.settings import HOUR

SESSION_SECONDS = 12 * HOUR  # then one signs in again, however busy the session was
HALF_SECONDS = 5 * 60  # between the password and the code of the second factor
_SEEN_SECONDS = 60  # as exactly it is known when a session was last used
_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Session:
    id: str
    user: str
    started_at: str  # ISO 8601, UTC
    seen_at: str  # the same
    address: str
    browser: str  # in rough words
    how: str  # it began: by password, by link, …


class Sessions:
    def __init__(self, redis: Redis, idle_seconds: int) -> None:
        self._redis = redis
        self._idle = idle_seconds

    def start(self, user: str, address: str, browser: str, how: str) -> str:
        """A new session's token."""
        token, now = secrets.token_urlsafe(32), time.time()
        id_, ends = digest(token), now + SESSION_SECONDS
        kept = {"user": user, "address": address, "browser": browser, "how": how}
        kept |= {"started": str(now), "seen": str(now), "ends": str(ends)}
        pipe = self._redis.pipeline(transaction=True)
        pipe.hset(keys.session(id_), mapping=kept)  # type: ignore[arg-type]
        pipe.expire(keys.session(id_), self._seconds(now, ends))
        pipe.zadd(keys.sessions_of(user), {id_: ends})
        pipe.expire(keys.sessions_of(user), SESSION_SECONDS)
        pipe.hset(keys.SIGNED_IN, user, _iso(now))
        pipe.execute()
        return token

    def find(self, token: str, *, used: bool = True) -> Session | None:
        """The session, unless it has ended or nobody used it for too long.

        Args:
            used: False for what a page asks by itself: it keeps no session alive.
        """
        id_ = digest(token)
        kept: dict[str, str] = self._redis.hgetall(keys.session(id_))  # type: ignore[assignment]
        now, found = time.time(), _session(id_, kept)
        if found is None or now >= float(kept["ends"]):
            return None
        if used and now - float(kept["seen"]) >= min(_SEEN_SECONDS, self._idle / 10):
            pipe = self._redis.pipeline(transaction=True)
            pipe.hset(keys.session(id_), "seen", str(now))
            pipe.expire(keys.session(id_), self._seconds(now, float(kept["ends"])))
            pipe.execute()
        return found

    def of(self, user: str) -> list[Session]:
        """A user's sessions, the one used last first."""
        self._redis.zremrangebyscore(keys.sessions_of(user), "-inf", time.time())
        ids = [str(id_) for id_ in self._redis.zrange(keys.sessions_of(user), 0, -1)]
        pipe = self._redis.pipeline(transaction=False)
        for id_ in ids:
            pipe.hgetall(keys.session(id_))
        kept = zip(ids, pipe.execute() if ids else [], strict=True)
        found = [session for id_, held in kept if (session := _session(id_, held))]
        return sorted(found, key=lambda session: session.seen_at, reverse=True)

    def end(self, user: str, id_: str) -> bool:
        """Ends one of the user's own sessions; False where that is none of them."""
        if not _ID.fullmatch(id_) or not self._redis.zrem(keys.sessions_of(user), id_):
            return False
        return bool(self._redis.delete(keys.session(id_)))

    def end_all(self, user: str, but: str | None = None) -> int:
        """Ends the user's sessions, but for the one whose id is ``but``. Returns how many."""
        return sum(self.end(user, session.id) for session in self.of(user) if session.id != but)

    def last_sign_ins(self, users: list[str]) -> dict[str, str]:
        """ISO 8601, of those of whom Redis knows it."""
        found = self._redis.hmget(keys.SIGNED_IN, users) if users else []
        return {user: str(at) for user, at in zip(users, found, strict=True) if at}

    def begin(self, user: str, how: str) -> str:
        """The token of a sign-in whose second step, the code, is still to come."""
        token = secrets.token_urlsafe(32)
        self._redis.set(keys.half_signed_in(digest(token)), f"{how} {user}", ex=HALF_SECONDS)
        return token

    def begun(self, token: str) -> str | None:
        """Whose sign-in it is."""
        kept = self._redis.get(keys.half_signed_in(digest(token)))
        return None if kept is None else str(kept).partition(" ")[2]

    def finish(self, token: str) -> str | None:
        """How it began; it is used up now. None where somebody else did that just now."""
        kept = self._redis.getdel(keys.half_signed_in(digest(token)))
        return None if kept is None else str(kept).partition(" ")[0]

    def _seconds(self, now: float, ends: float) -> int:
        """How long Redis keeps a session that is used now."""
        return max(1, min(self._idle, int(ends - now)))


def digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def _session(id_: str, kept: dict[str, str]) -> Session | None:
    # Part of one may be left where it ended while it was marked as seen.
    if "user" not in kept:
        return None
    started, seen = (_iso(float(kept[name])) for name in ("started", "seen"))
    address, browser, how = (kept[name] for name in ("address", "browser", "how"))
    return Session(id_, kept["user"], started, seen, address, browser, how)


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
