"""The audit log: who did what, when, to what. Only added to, each entry with the digest of the one
before, at the same cost however long it is.

What changes who may do what, or what is deployed, is written before it is done (``write``): where
the store does not take the entry, the act is not done. What only happened, such as a sign-in, goes
on without its entry, and the process's own log says so (``mention``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import structlog
from redis import Redis
from redis.exceptions import RedisError
from redis.lock import Lock

from storage import keys, object_names
from storage.accounts.addresses import network
from storage.audit.entry import Act, Entry, Fact, document
from storage.audit.index import AuditIndex, End, Filter
from storage.canonical import Corrupt, canonical
from storage.errors import LetheError
from storage.locks import held
from storage.store.objects import ObjectExists, ObjectMissing, ObjectStore, StoreUnavailable

__all__ = ["Act", "AuditLog", "BrokenEntry", "Entry", "Filter"]

log = structlog.get_logger("storage.audit_log")

LOCK_SECONDS = 5.0  # a writer that is killed holds up the next one for so long
REFUSAL_SECONDS = 60  # in which one address gets one entry …
REFUSALS = 60  # … and all addresses together so many
_CATCH_UP = 100  # entries that the index may be behind; further, the store is asked for the end


class BrokenEntry(Corrupt):
    """What stands at a number of the log and is no entry."""

    def __init__(self, number: int, line: str) -> None:
        super().__init__(line)
        self.number = number


class AuditLog:
    def __init__(self, objects: ObjectStore, redis: Redis) -> None:
        self._objects = objects
        self._redis = redis
        self.index = AuditIndex(redis)

    def write(
        self, actor: str, act: Act, about: str, facts: Mapping[str, Fact] | None = None
    ) -> None:
        """Adds an entry. Whoever writes at the same moment comes before or after it.

        Never give it a subject's reference, a name of a photo or a secret.

        Raises:
            StoreUnavailable, StoreRefused: nothing was written; do not do what it is about.
            QueueUnavailable: the same, where the store knows no conditional writes.
        """
        with self._lock() as lock:
            end = self._end()
            while True:
                number = end.number + 1
                now = datetime.now(UTC)
                given = document(number, now, actor, act, about, facts or {}, end.digest)
                if lock is not None and not lock.owned():
                    raise StoreUnavailable("audit log: the store was too slow; try again")
                try:
                    self._objects.put_new(object_names.audit_entry(number), given)
                except ObjectExists:
                    end = self._after(number)
                    continue
                self._indexed(Entry.parse(canonical(given), object_names.audit_entry(number)))
                return

    def mention(
        self, actor: str, act: Act, about: str, facts: Mapping[str, Fact] | None = None
    ) -> None:
        """As ``write``, of what goes on where the log cannot be written."""
        try:
            self.write(actor, act, about, facts)
        except (LetheError, RedisError) as error:
            log.error("not in the audit log", actor=actor, act=str(act), error=type(error).__name__)

    def refused(self, address: str | None, account: str) -> None:
        """Mentions a sign-in that failed: one entry a minute for each address, or a flood of them
        would fill the store. The next entry says how many there were in between.

        Args:
            account: the account's name where there is one, else "": people type passwords there.
        """
        source = network(address)
        try:
            before = self._admitted(source)
        except RedisError as error:
            log.error("not in the audit log", act="sign_in_refused", error=type(error).__name__)
            return
        if before is not None:
            facts: dict[str, Fact] = {"account": account} if account else {}
            facts |= {"more_before": before} if before else {}
            self.mention("", Act.SIGN_IN_REFUSED, source, facts)

    def _admitted(self, source: str) -> int | None:
        """How many entries about the address were left out before this one; None: leave it out."""
        left_out = keys.audit_left_out(source)
        if self._redis.set(keys.audit_refusal(source), 1, nx=True, ex=REFUSAL_SECONDS):
            pipe = self._redis.pipeline(transaction=True)
            pipe.set(keys.AUDIT_REFUSALS, 0, nx=True, ex=REFUSAL_SECONDS)
            pipe.incr(keys.AUDIT_REFUSALS)
            if pipe.execute()[1] <= REFUSALS:
                return int(self._redis.getdel(left_out) or 0)
        pipe = self._redis.pipeline(transaction=True)
        pipe.incr(left_out)
        pipe.expire(left_out, 60 * REFUSAL_SECONDS)
        pipe.execute()
        return None

    def entry(self, number: int) -> Entry:
        """
        Raises:
            ObjectMissing
            Corrupt: what is there is no entry of this number.
        """
        name = object_names.audit_entry(number)
        found = Entry.parse(self._objects.get(name), name)
        if found.number != number:
            raise Corrupt(f"{name}: the entry of another number")
        return found

    def page(self, wanted: Filter, before: int | None, limit: int) -> list[Entry | BrokenEntry]:
        """The newest first, those below the number ``before``; what is broken in its place."""
        found: list[Entry | BrokenEntry] = []
        while len(found) < limit:
            numbers = self.index.numbers(wanted, before, limit - len(found))
            lines = [self._or_broken(number) for number in numbers]
            # A day's numbers hold others, too, where a clock was wrong.
            found += [line for line in lines if isinstance(line, BrokenEntry) or wanted.fits(line)]
            if not numbers:
                break
            before = numbers[-1]
        return found

    def newest(self, act: Act) -> Entry | None:
        """The last entry of an act that the index knows."""
        found = self.page(Filter(act=act), None, 1)
        return found[0] if found and isinstance(found[0], Entry) else None

    def _or_broken(self, number: int) -> Entry | BrokenEntry:
        try:
            return self.entry(number)
        except ObjectMissing:
            return BrokenEntry(number, str(_missing(number, number)))
        except Corrupt as error:
            return BrokenEntry(number, str(error))

    def walk(self) -> Iterator[Entry | Corrupt]:
        """The whole log in its order: each entry that is one, and each broken link."""
        end = self.index.end()  # before the store: what comes meanwhile is in both
        number, previous = 0, None  # of the entry before: its number and digest
        known = True  # whether that one is there and could be read
        for name in sorted(self._objects.names(object_names.AUDIT)):
            if (found := object_names.audit_number(name)) is None:
                yield Corrupt(f"{name}: no entry of the audit log")
                continue
            if found > number + 1:
                yield _missing(number + 1, found - 1)
                known = False
            number = found
            try:
                entry = self.entry(number)
            except Corrupt as error:
                yield error
                known = False
                continue
            if known and entry.previous != previous:
                yield Corrupt(f"{name}: names another entry before it: altered, or that one was")
            yield entry
            known, previous = True, entry.digest
        if end is not None and end.number > number:
            yield _missing(number + 1, end.number)

    def rebuild(self) -> list[str]:
        """Makes the index anew from the record, and returns what is broken."""
        broken = []
        for found in self.walk():
            if isinstance(found, Entry):
                self.index.add(found)
            else:
                broken.append(str(found))
        if self.index.end() is not None:
            self.index.skip_to(1)
        return broken

    def _end(self) -> End:
        """The log's end as Redis knows it, which may be behind, else as the store has it."""
        try:
            known = self.index.end()
        except RedisError:
            known = None
        return known or self._stored_end()

    def _stored_end(self) -> End:
        if not (blocks := sorted(self._objects.folders(object_names.AUDIT))):
            return End(0, None)
        numbers = map(
            object_names.audit_number, self._objects.names(f"{object_names.AUDIT}{blocks[-1]}/")
        )
        last = max((number for number in numbers if number), default=0)
        return self._at(last)[0] if last else End(0, None)

    def _after(self, number: int) -> End:
        """The end after somebody else's ``number``, which the index may not have heard of."""
        far = number + _CATCH_UP
        if self._objects.exists(object_names.audit_entry(far)):
            end = self._stored_end()
            with suppress(RedisError):
                self.index.skip_to(end.number)
            number = end.number
        end, entry = self._at(number)
        if entry is not None:
            self._indexed(entry)
        return end

    def _at(self, number: int) -> tuple[End, Entry | None]:
        """What is broken ends nothing: the log goes on behind it, and its walk names it."""
        try:
            entry = self.entry(number)
        except (Corrupt, ObjectMissing):
            return End(number, None), None
        return End(number, entry.digest), entry

    def _indexed(self, entry: Entry) -> None:
        try:
            self.index.add(entry)
        except RedisError as error:  # the next writer meets the entry and adds it
            log.warning("written, not indexed", number=entry.number, error=type(error).__name__)

    @contextmanager
    def _lock(self) -> Iterator[Lock | None]:
        """Where the store replaces what is there, one writes at a time; else it need not be."""
        if self._objects.conditional:
            yield None
            return
        with held(self._redis, keys.AUDIT_LOCK, LOCK_SECONDS) as lock:
            yield lock


def _missing(first: int, last: int) -> Corrupt:
    names = object_names.audit_entry(first)
    if last > first:
        names = f"{names} to {object_names.audit_entry(last)}"
    return Corrupt(f"{names}: missing from the audit log, which had it")
