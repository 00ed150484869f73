"""A row for each kind of request: what it costs, what was aimed at, how it grew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from benchmarks.load.timing import Cost, p50, p95


@dataclass(frozen=True)
class Row:
    what: str
    cost: Cost
    aim: float  # ms at p95

    @property
    def kept(self) -> bool:
        """By the processors' time: what one core takes that does nothing else."""
        return p95(self.cost.processors) <= self.aim


HEAD = (
    f"{'ms at p50 / p95':46}{'n':>6}{'by the clock':>16}{'on processors':>16}{'aim':>6}"
    f"{'':>8}{'growth':>8}"
)


def say(title: str, rows: Iterable[Row], before: Mapping[str, Row] | None = None) -> dict[str, Row]:
    """Prints the rows as they come. ``before``: the same with fewer tickets."""
    print(f"\n{title}\n{HEAD}", flush=True)
    said = {}
    for row in rows:
        said[row.what] = row
        print(_line(row, (before or {}).get(row.what)), flush=True)
    return said


def _line(row: Row, before: Row | None) -> str:
    clock, processors = row.cost.seconds, row.cost.processors
    growth = f"{p50(processors) / p50(before.cost.processors):.2f}" if before else ""
    return (
        f"{row.what:46}{len(clock):>6,}{_pair(clock):>16}{_pair(processors):>16}{row.aim:>6.0f}"
        f"{'kept' if row.kept else 'MISSED':>8}{growth:>8}"
    )


def _pair(seconds: tuple[float, ...]) -> str:
    return f"{p50(seconds):.1f} / {p95(seconds):.1f}"
