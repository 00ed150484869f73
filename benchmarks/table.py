"""The table of methods: which figures, and how they are written."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workers.certification import Certification

Figures = dict[str, float | None]  # column → value; None where it was not measurable
BEFORE = "before"  # the method of the rows that show the old version


@dataclass(frozen=True)
class Column:
    name: str  # in the terminal and in the CSV
    title: str
    figure: str | None = None  # of certification; None: the benchmark measures it itself
    points: bool = False  # percentage points gained: the figure is a share lost
    digits: int = 3


COLUMNS = (
    Column("tmr", "TMR of unseen photos", "forgotten_tmr@1e-3"),
    Column("cross_version", "cross-version TMR", "forgotten_cross_version_tmr@1e-3"),
    Column("rank1", "rank-1, enrolled again", "forgotten_rank1"),
    Column("tpir", "TPIR at FPIR 1e-2, enrolled again", "forgotten_tpir"),
    Column("rank1_centroid", "rank-1 by centroid", "forgotten_rank1_centroid"),
    Column("compactness", "compactness", "forgotten_compactness", digits=2),
    Column("impersonation", "impersonation FPIR", "impersonation_fpir@1e-3"),
    Column("kept", "benchmark TMR, points", "benchmark_tmr_drop@1e-3", points=True, digits=2),
    Column(
        "kept_own",
        "the same, each version at its own threshold",
        "benchmark_tmr_recalibrated_drop@1e-3",
        points=True,
        digits=2,
    ),
    Column(
        "kept_cross",
        "benchmark cross-version TMR, points",
        "benchmark_cross_version_tmr_drop@1e-3",
        points=True,
        digits=2,
    ),
    Column(
        "neighbours",
        "TMR of the 3 nearest neighbours, points",
        "neighbours_tmr_drop@1e-3",
        points=True,
        digits=2,
    ),
    Column("pooled_tmr", "TMR of pooled features", "pooled_tmr"),
    Column("seconds", "seconds, warm cache", digits=1),
)


@dataclass(frozen=True)
class Row:
    subject: str
    method: str
    figures: Figures
    note: str = ""  # why there are no figures


def figures(found: Certification, seconds: float) -> Figures:
    """One column each; a mean where several subjects were certified."""
    known = found.figures
    subjects = {name: of["mean"] for name, of in known["over_subjects"].items()}
    benchmark = {name: of["estimate"] for name, of in known["benchmark"].items()}
    measured: Mapping[str, float | None] = {**subjects, **benchmark}
    made: Figures = {}
    for column in COLUMNS:
        value = measured[column.figure] if column.figure else None
        made[column.name] = -100 * value if column.points and value is not None else value
    return made | {"seconds": seconds}


def means(rows: Sequence[Row]) -> list[Row]:
    """One row a method: the mean over its subjects, of what was measurable."""
    found = []
    for method in dict.fromkeys(row.method for row in rows):
        own = [row for row in rows if row.method == method]
        note = "; ".join(f"{row.subject}: {row.note}" for row in own if row.note)
        found.append(Row("mean", method, {c.name: _mean(c, own) for c in COLUMNS}, note))
    return found


def _mean(column: Column, rows: Iterable[Row]) -> float | None:
    known = [value for row in rows if (value := row.figures.get(column.name)) is not None]
    return sum(known) / len(known) if known else None


def cell(column: Column, row: Row) -> str:
    value = row.figures.get(column.name)
    if value is None:
        return "–"
    rounded = round(value, column.digits) + 0.0  # no minus before a zero
    return f"{rounded:{'+' if column.points else ''}.{column.digits}f}"


def markdown(rows: Iterable[Row]) -> str:
    titles = ["method", *(column.title for column in COLUMNS)]
    lines = ["| " + " | ".join(titles) + " |", "| --- |" + " ---: |" * len(COLUMNS)]
    notes = []
    for row in rows:
        cells = [row.method, *(cell(column, row) for column in COLUMNS)]
        lines.append("| " + " | ".join(cells) + " |")
        if row.note:
            notes.append(f"- {row.method}: {row.note}")
    return "\n".join(lines + ([""] + notes if notes else [])) + "\n"


def write_csv(file: Path, rows: Iterable[Row]) -> None:
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["subject", "method", *(column.name for column in COLUMNS), "note"])
        for row in rows:
            values = [row.figures.get(column.name) for column in COLUMNS]
            shown = ["" if value is None else f"{value:.6f}" for value in values]
            writer.writerow([row.subject, row.method, *shown, row.note])


def say_titles() -> None:
    print(f"{'subject':10}{'method':24}" + "".join(f"{c.name:>{_width(c)}}" for c in COLUMNS))


def say(row: Row) -> None:
    cells = "".join(f"{cell(column, row):>{_width(column)}}" for column in COLUMNS)
    print(f"{row.subject:10.9}{row.method:24}{cells}", flush=True)
    if row.note:
        print(f"{'':10}{row.note}", flush=True)


def _width(column: Column) -> int:
    return max(len(column.name), 7) + 2
