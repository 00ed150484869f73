"""Checks of the object store and Redis: how each line of them is, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flask_babel import format_decimal
from flask_babel import gettext as _

from storage.condition import RedisCondition, StoreCondition

SLOW_SECONDS = 0.5  # of one answer; pages ask for several
CLOCK_SECONDS, CLOCKS_OFF = 5.0, 15 * 60.0  # a doubt; from there on S3 refuses every request
FULL = 0.8  # of Redis's memory: from here on there is little time


@dataclass(frozen=True)
class Line:
    name: str
    tone: str  # good, wait, run, bad or quiet: quiet is neither
    words: str  # how it is
    do: str = ""  # where it is not well


@dataclass(frozen=True)
class Part:
    name: str
    lines: list[Line]

    @property
    def tone(self) -> str:
        """The worst of its lines."""
        tones = {line.tone for line in self.lines}
        return next((tone for tone in ("bad", "wait") if tone in tones), "good")


def of_store(found: StoreCondition) -> Iterator[Line]:
    do = _("Is it running, and are its address and key right? The web server's log says more.")
    yield from _reached(found, do)
    if found.error:
        return
    yield _conditional(found)
    yield Line(_("Versioning"), "quiet", _("on") if found.versioned else _("off"))


def _reached(found: StoreCondition | RedisCondition, do: str) -> Iterator[Line]:
    """What is the same of both; ``do`` where there is no answer."""
    if found.error:
        yield Line(_("Answers"), "bad", _("no (%(error)s)", error=found.error), do)
        return
    yield _answers(found.seconds)
    yield clock(found.ahead)
    yield _connection(found.encrypted)


def _conditional(found: StoreCondition) -> Line:
    name = _("Conditional writes")
    if found.conditional:
        return Line(name, "good", _("known: nothing is ever replaced"))
    do = _(
        "Locks in Redis keep two writers apart, but for the very same moment. A store that knows "
        "If-None-Match is better where several machines write."
    )
    return Line(name, "quiet" if is_here(found) else "wait", _("not known"), do)


def of_redis(found: RedisCondition) -> Iterator[Line]:
    do = _("Is it running, and is LETHE_REDIS_URL right? What the record holds is safe.")
    yield from _reached(found, do)
    if found.error:
        return
    yield _memory(found)
    yield _eviction(found.eviction)
    yield _append_only(found.append_only)
    if found.writes_well is False:
        do = _("Free some space on its disk: it refuses to write until then.")
        yield Line(_("Last write to disk"), "bad", _("failed"), do)
    if found.role == "slave":
        do = _("Let LETHE_REDIS_URL name the primary.")
        yield Line(_("Role"), "bad", _("a read-only replica"), do)
    yield Line(_("Version"), "quiet", found.version or _("not told"))


def _memory(found: RedisCondition) -> Line:
    if found.memory is None:
        return Line(_("Memory"), "quiet", _("not told"))
    used = mebibytes(found.memory)
    if not found.most_memory:
        do = _("Set maxmemory, so that Redis says that it is full before the machine is.")
        words = _("%(used)s MiB, without a bound", used=used)
        return Line(_("Memory"), "quiet" if is_here(found) else "wait", words, do)
    most = mebibytes(found.most_memory)
    words = _("%(used)s of %(most)s MiB", used=used, most=most)
    if found.memory < FULL * found.most_memory:
        return Line(_("Memory"), "good", words)
    do = _("Give it more memory: once full, it takes no new work. What was accepted is kept.")
    return Line(_("Memory"), "bad", words, do)


def _eviction(policy: str | None) -> Line:
    name = _("When full")
    if policy is None:
        return Line(name, "quiet", _("not told; it must be noeviction"))
    if policy == "noeviction":
        return Line(name, "good", _("refuses to write (noeviction)"))
    words = _("drops data, queued work too (%(policy)s)", policy=policy)
    return Line(name, "bad", words, _("Set maxmemory-policy noeviction."))


def _append_only(on: bool | None) -> Line:
    name = _("Append-only file")
    if on is None:
        return Line(name, "quiet", _("not told"))
    if on:
        return Line(name, "good", _("on"))
    do = _(
        "A restart of Redis loses queued work and sessions. Set appendonly yes, or run "
        "lethe ledger rebuild after each."
    )
    return Line(name, "bad", _("off"), do)


def _answers(seconds: float | None) -> Line:
    if seconds is None:
        return Line(_("Answers"), "quiet", _("not told"))
    words = _("in %(time)s ms", time=format_decimal(max(round(1000 * seconds), 1)))
    if seconds < SLOW_SECONDS:
        return Line(_("Answers"), "good", words)
    return Line(_("Answers"), "wait", words, _("Slow: is it far away, or busy?"))


def clock(ahead: float | None) -> Line:
    name = _("Clock")
    if ahead is None:
        return Line(name, "quiet", _("not told"))
    off = abs(ahead)
    if off < CLOCK_SECONDS:
        return Line(name, "good", _("as here, within %(num)s seconds", num=int(CLOCK_SECONDS)))
    seconds = format_decimal(round(off))
    words = (
        _("%(num)s seconds ahead of this machine", num=seconds)
        if ahead > 0
        else _("%(num)s seconds behind this machine", num=seconds)
    )
    do = _("Set both by NTP: times in the record come from here, and S3 refuses 15 minutes.")
    return Line(name, "bad" if off >= CLOCKS_OFF else "wait", words, do)


def _connection(encrypted: bool | None) -> Line:
    name = _("Connection")
    if encrypted is None:
        return Line(name, "good", _("stays on this machine"))
    if encrypted:
        return Line(name, "good", _("encrypted (TLS)"))
    do = _("Right inside a network that is trusted; elsewhere use https:// and rediss://.")
    return Line(name, "wait", _("not encrypted"), do)


def is_here(found: StoreCondition | RedisCondition) -> bool:
    """On this machine, as `lethe up` has it: nobody else writes there."""
    return found.encrypted is None


def mebibytes(size: int) -> str:
    return str(format_decimal(round(size / 2**20)))
