"""Two versions of a model side by side: what each is, what it forgets, what it keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask_babel import format_decimal
from flask_babel import gettext as _

from storage.certificates.issued import BadCertificate, BadKey, NoSuchCertificate
from storage.models.lineage import Lineage, made_by
from storage.models.registry import MODEL_FILE, Version
from storage.record import Record
from storage.store.objects import ObjectMissing
from web import wording
from web.models.model_lines import Made, benchmark_tmr, made, worst

SUBJECTS = 200  # rows at most; the record has all of them
NOTABLE = 0.005  # half a point: what is less is not called better or worse


@dataclass(frozen=True)
class Side:
    """One of the two versions."""

    version: Version
    line: Lineage
    deleted: bool
    size: int | None  # bytes of the model file; None where it is gone
    certificate: Mapping[str, Any]  # of the first ticket that made it; empty for an import
    wrong: str  # why that certificate does not count

    @property
    def made(self) -> tuple[Made, ...]:
        return made(self.line, made_by(self.version))

    def rate(self, key: str) -> float | None:
        """Of several subjects the one that is recognised best."""
        return worst(self.made, key, highest=True)


@dataclass(frozen=True)
class Fact:
    label: str
    old: str | None
    new: str | None
    mono: bool = False

    @property
    def both(self) -> bool:
        """Whether there is anything to compare: an import has no verdict."""
        return self.old is not None and self.new is not None


@dataclass(frozen=True)
class Rate:
    label: str
    hint: str
    old: float | None
    new: float | None
    low_is_good: bool
    share: bool = True  # 0…1; else a plain number
    judged: bool = False  # of the same people both times, so that one of them is better

    @property
    def difference(self) -> float | None:
        return None if self.old is None or self.new is None else self.new - self.old

    @property
    def tone(self) -> str:
        """good, bad, or quiet where nothing notable differs."""
        found = self.difference
        if found is None or abs(found) < NOTABLE or not self.judged:
            return "quiet"
        return "good" if (found < 0) == self.low_is_good else "bad"


@dataclass(frozen=True)
class Subject:
    """One ticket, and whether each of the two versions forgets its subject."""

    made: Made
    by: int | None  # the version that the ticket made
    old: bool
    new: bool


@dataclass(frozen=True)
class Comparison:
    old: Side
    new: Side
    facts: list[Fact] = field(default_factory=list)
    rates: list[Rate] = field(default_factory=list)
    apart: list[Subject] = field(default_factory=list)  # forgotten by one of the two alone
    both: list[Subject] = field(default_factory=list)
    more: int = 0  # than are listed


def compare(record: Record, line: Lineage, old: int, new: int) -> Comparison:
    sides = (side(record, line, old), side(record, line, new))
    forgotten = {number: set(line.forgets(number)) for number in (old, new)}
    both = dict.fromkeys([*line.forgets(old)[::-1], *line.forgets(new)[::-1]])
    by = {ticket: number for number, found in line.versions.items() for ticket in made_by(found)}
    subjects = [
        Subject(item, by.get(item.id), item.id in forgotten[old], item.id in forgotten[new])
        for item in made(line, both)
    ]
    shown = sorted(subjects, key=lambda one: one.old == one.new)[:SUBJECTS]
    return Comparison(
        *sides,
        facts=_facts(*sides),
        rates=_rates(*sides),
        apart=[one for one in shown if one.old != one.new],
        both=[one for one in shown if one.old == one.new],
        more=len(subjects) - len(shown),
    )


def side(record: Record, line: Lineage, number: int) -> Side:
    version = line.versions[number]
    certificate: Mapping[str, Any] = {}
    wrong = ""
    for ticket in made_by(version)[:1]:
        try:
            certificate = record.certificates.check(ticket)
        except NoSuchCertificate:
            continue  # its run has not ended
        except (BadCertificate, BadKey) as error:
            wrong = str(error)
    size = None
    if MODEL_FILE in version.files and number not in line.deleted:
        try:
            size = record.objects.size(version.object(MODEL_FILE))
        except ObjectMissing:
            wrong = wrong or _("The model file is missing from the record: run the audit.")
    return Side(version, line, number in line.deleted, size, certificate, wrong)


def _facts(old: Side, new: Side) -> list[Fact]:
    def fact(label: str, read: Callable[[Side], str | None], *, mono: bool = False) -> Fact:
        return Fact(label, read(old), read(new), mono)

    found = [
        fact(_("Verdict"), _verdict),
        fact(_("Policy"), _policy),
        fact(_("Policy file"), lambda one: _inner(one, "policy", "digest"), mono=True),
        fact(_("Method"), lambda one: _text(one.version.made_by.get("method"))),
        fact(_("Seed"), lambda one: _text(one.version.made_by.get("seed"))),
        fact(_("Software"), lambda one: _text(one.version.made_by.get("software"))),
        fact(_("Reference faces"), lambda one: _inner(one, "face_sets", "reference"), mono=True),
        fact(_("Benchmark faces"), lambda one: _inner(one, "face_sets", "benchmark"), mono=True),
        fact(_("Version"), lambda one: one.version.digest, mono=True),
        fact(_("Model file"), lambda one: one.version.files.get(MODEL_FILE), mono=True),
        fact(_("Size"), _size),
    ]
    return [item for item in found if item.old is not None or item.new is not None]


def _rates(old: Side, new: Side) -> list[Rate]:
    worst_of = _("held-out photos; of several subjects the one that is matched most")
    rates = [
        Rate(
            _("Benchmark people: TMR"),
            _("everybody else; higher is better"),
            benchmark_tmr(old.line, old.version.number),
            benchmark_tmr(new.line, new.version.number),
            low_is_good=False,
            judged=True,
        )
    ]
    for label, hint, key in (
        (_("Subjects that it was made for: TMR"), worst_of, "forget_tmr_after"),
        (_("The same, old template against new probe"), worst_of, "cross_version_tmr"),
        (_("The same, found first after enrolling again"), _("rank 1"), "rank1_after"),
    ):
        rates.append(Rate(label, hint, old.rate(key), new.rate(key), low_is_good=True))
    rates.append(
        Rate(
            _("Threshold"),
            _("cosine at FMR 1e-3, set on the version before"),
            old.rate("threshold"),
            new.rate("threshold"),
            low_is_good=False,
            share=False,
        )
    )
    return [rate for rate in rates if rate.old is not None or rate.new is not None]


def _verdict(one: Side) -> str | None:
    judged = (item.ticket.result.get("verdict") for item in one.made if item.ticket)
    found = {wording.verdict(verdict) for verdict in judged if verdict}
    return ", ".join(sorted(found)) or None


def _policy(one: Side) -> str | None:
    policy = one.certificate.get("policy")
    if not policy:
        return None
    return str(_("%(name)s, version %(number)s", name=policy["name"], number=policy["version"]))


def _inner(one: Side, outer: str, key: str) -> str | None:
    found = one.certificate.get(outer)
    return _text(found.get(key)) if isinstance(found, Mapping) else None


def _size(one: Side) -> str | None:
    if one.deleted:
        return str(_("deleted"))
    return None if one.size is None else str(_("%(count)s bytes", count=format_decimal(one.size)))


def _text(value: object) -> str | None:
    return None if value is None else str(value)[:200]
