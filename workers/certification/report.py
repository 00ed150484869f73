"""The report: a certificate's body as one page for people, print-ready, with nothing to load."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined

from storage.canonical import Document
from workers.certification import drawings as draw
from workers.certification.catalogue import BENCHMARK_FIGURES, FIGURES, SUBJECT_FIGURES
from workers.certification.drawings import ATTACKS, NAMES, Attack, Figures, Measure

Curves = Mapping[str, Any]
Figure = Mapping[str, Any]  # its document
_NOT_MEASURED: Figure = {"estimate": None, "interval": None, "reason": None}


def report_html(body: Document, drawings: Document | None = None) -> bytes:
    """The page, UTF-8. All text in it is escaped; it runs nothing and refers to nothing outside.

    Args:
        body: of a certificate, or ``Certification.document()``; what it lacks, the page leaves
            out. Of several subjects each has a part of their own.
        drawings: ``benchmark`` as ``curves.curves`` gives; ``subject`` as
            ``curves.subject_curves`` gives, or a list of those in the order of the body's
            subjects. None: the page has none of these drawings.
    """
    curves = drawings or {"benchmark": {}, "subject": {}}
    of_subjects = curves["subject"]
    if isinstance(of_subjects, Mapping):
        of_subjects = [of_subjects] * len(body["figures"]["subjects"])
    threshold = body["headline"]["threshold"]
    people = [
        _person(f"subject-{number}", figures, found, curves["benchmark"], threshold)
        for number, (figures, found) in enumerate(
            zip(body["figures"]["subjects"], of_subjects, strict=True), start=1
        )
    ]
    page = resources.files("workers.certification") / "report.html"
    return (
        _environment()
        .from_string(page.read_text(encoding="utf-8"))
        .render(
            body=body,
            people=people,
            titles=FIGURES,
            drawn=drawings is not None,
            det=draw.det("det", curves["benchmark"]),
            scores=draw.everybody("everybody", curves["benchmark"], threshold),
            verification=list(_verified(body["figures"].get("verification", []))),
            tables=_tables(BENCHMARK_FIGURES, body["figures"]["benchmark"]),
        )
        .encode()
    )


@dataclass(frozen=True)
class Table:
    """Figures at one FMR, or those that belong to none."""

    fmr: str
    rows: list[tuple[str, str, Figure]]  # name, title, figure

    @property
    def reason(self) -> str | None:
        return _reason([figure for _, _, figure in self.rows])


@dataclass(frozen=True)
class Person:
    """A subject's part of the page."""

    histograms: tuple[draw.Drawing, draw.Drawing]  # before, after
    heat_maps: tuple[draw.Drawing, draw.Drawing]
    cross_version: draw.Drawing
    cmc: draw.Drawing
    rates: tuple[draw.Drawing, draw.Drawing]  # by what is enrolled or trained; by other ways
    steps: draw.Drawing
    attacks: list[tuple[Attack, list[Measure], str | None]]  # why none of them was examined
    tables: list[Table]


def _person(
    name: str, figures: Figures, found: Curves, benchmark: Curves, threshold: float | None
) -> Person:
    """``name`` sets the ids of this part's drawings apart from the others'."""
    return Person(
        histograms=draw.subject(f"{name}-scores", found, benchmark, threshold),
        heat_maps=draw.heat_maps(f"{name}-similarity", found),
        cross_version=draw.cross_version(f"{name}-old-gallery", found, benchmark, threshold),
        cmc=draw.cmc(f"{name}-cmc", found),
        rates=(
            draw.rates(f"{name}-new-photos", ATTACKS[:3], figures),
            draw.rates(f"{name}-other-ways", ATTACKS[3:], figures),
        ),
        steps=draw.steps(f"{name}-relearning", figures),
        attacks=list(_attacks(figures)),
        tables=_tables(SUBJECT_FIGURES, figures),
    )


def _attacks(figures: Figures) -> Iterator[tuple[Attack, list[Measure], str | None]]:
    for attack in ATTACKS:
        rows = draw.measures(attack, figures)
        reason = _reason([row.after for row in rows]) if rows else "not part of this certification"
        yield attack, rows, reason


def _reason(figures: Sequence[Figure]) -> str | None:
    """Why none of the figures could be measured, where it is one reason."""
    if any(figure["estimate"] is not None for figure in figures):
        return None
    reasons = {figure["reason"] for figure in figures}
    return reasons.pop() if len(reasons) == 1 else None


def _tables(titles: Mapping[str, str], figures: Figures) -> list[Table]:
    """What an attack's table shows is not shown again."""
    tables: dict[str, Table] = {}
    for name, title in titles.items():
        if name in figures and name not in NAMES:
            fmr = name.partition("@")[2]
            table = tables.setdefault(fmr, Table(fmr, []))
            table.rows.append((name, title.removesuffix(f" (FMR {fmr})"), figures[name]))
    return list(tables.values())


@dataclass(frozen=True)
class Verified:
    """A verification benchmark by both versions, one row of a table."""

    name: str
    measured: str
    before: Figure
    after: Figure
    lost: Figure
    crossed: Figure  # between the versions


def _verified(documents: Iterable[Mapping[str, Any]]) -> Iterator[Verified]:
    """One row a benchmark; of template lists, one for each FMR."""
    for document in documents:
        pairs = f"{document.get('pairs', 0):,} pairs"
        rates = document.get("tmr_at_fmr") or {"": document}
        for fmr, figures in rates.items():
            kind = "tmr" if fmr else "accuracy"
            measured = f"TMR at FMR {fmr}, {pairs}" if fmr else f"accuracy, {pairs}"
            names = (f"{kind}_before", kind, f"{kind}_drop", f"cross_version_{kind}")
            found = (figures.get(name, _NOT_MEASURED) for name in names)
            yield Verified(document["name"], measured, *found)


def _environment() -> Environment:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "figure": _number,
        "interval": _interval,
        "sample": _sample,
        "percent": _percent,
        "moment": _moment,
        "sentence": _sentence,
    }
    return environment


def _number(value: float | None) -> str:
    """Three decimals, so that a column lines up; more only where nothing else would be left."""
    if value is None:
        return "–"
    if value and abs(value) < 0.0005:
        text = f"{value:.1e}".replace("e-0", "e-")
    elif value == int(value) and abs(value) >= 2:
        text = f"{value:,.0f}"
    else:
        text = f"{value:.3f}"
    return "−" + text[1:] if text.startswith("-") else text


def _interval(interval: list[float] | None) -> str:
    return "–" if interval is None else f"{_number(interval[0])} to {_number(interval[1])}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _sample(sample: Mapping[str, int]) -> str:
    parts = [f"{count:,} {name.replace('_', '-')}" for name, count in sample.items()]
    return ", ".join(parts) or "–"


def _moment(text: str) -> str:
    """``2026-01-01T00:00:00+00:00`` as ``1 January 2026, 00:00 UTC``."""
    moment = datetime.fromisoformat(text).astimezone(UTC)
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
