"""A model of many tickets: what a run costs, how many GPUs that is, and what they cost.

What is divided among n workers takes an n-th of the time, rounded up to whole shards; ``check``
holds that against runs. What is not divided is the run's own worker's. ``ASSUMED`` are figures that
nobody has measured here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from benchmarks.scale.divide import PARTS, Found, Size, middle

HOUR, DAY = 3600.0, 86400.0  # seconds
MONTH = 30 * DAY
MONTHLY = (10, 1_000, 100_000)  # tickets
GALLERIES = (100_000, 10_000_000)  # templates of the benchmark
PER_RUN = 16  # tickets that one run forgets, at most (LETHE_TICKETS_PER_RUN)
# Of N benchmark templates, so many N² scores of a certification are divided: searches by the old
# and by the new version, each also in two halves of the gallery, and in one tenth, the centroids.
DIVIDED = 4.2
# And so many are not: 1:1 thresholds of two versions and false matches at three FMRs, half of N²
# each; the same thresholds on the features before the last linear layer, which are longer; and for
# each subject galleries that are drawn, by two versions.
COMPARED = 100_000  # templates that are compared so, at most: of a larger gallery a sample
TEMPLATE, FEATURES = 512, 512 * 7 * 7  # dimensions, of iResNet-100
WHOLE, WHOLE_A_SUBJECT = 2.5 + FEATURES / TEMPLATE, 2.0


@dataclass(frozen=True)
class Assumption:
    value: float
    unit: str
    why: str


ASSUMED: Mapping[str, Assumption] = {
    "faces": Assumption(
        1200,
        "faces/s",
        "iResNet-100 (24 GFLOP a face) in float32 on one H100, at 43 % of 67 TFLOP/s",
    ),
    "scores": Assumption(
        4e10, "scores/s", "512 dimensions in float32 on one H100, at 60 % of 67 TFLOP/s"
    ),
    "unlearning": Assumption(
        60, "s", "a run's unlearning: 1,000 of the 1 M reference faces, activations cached"
    ),
    "attacks": Assumption(60, "s", "the attacks on one subject; most of it is relearning"),
    "cpu": Assumption(
        1.6e9, "scores/s", "what is not divided, by 16 cores; one searched 1e8 scores/s here"
    ),
    "busy": Assumption(0.7, "", "of the time a GPU works; the rest is starting, fetching, waiting"),
    "price": Assumption(3, "USD", "an hour of such a GPU, on demand"),
}


@dataclass(frozen=True)
class Forecast:
    """Of so many tickets a month on a gallery of a size. Times are seconds."""

    tickets: int  # a month
    gallery: int
    per_run: float  # tickets that wait when a run begins
    gpu: float  # seconds of GPU workers that one run takes, all together
    undivided: float  # of these, what the run's own worker compares on its CPU

    @property
    def memory(self) -> float:
        """Bytes of two versions' templates and features, all of them with the run's own worker."""
        return 2 * 4 * self.gallery * (TEMPLATE + FEATURES)

    @property
    def hours(self) -> float:
        """GPU hours a month."""
        return self.tickets / self.per_run * self.gpu / HOUR

    @property
    def gpus(self) -> int:
        return ceil(self.hours * HOUR / (MONTH * ASSUMED["busy"].value))

    @property
    def capacity(self) -> float:
        """Tickets a day that one GPU could do with full runs."""
        full = gpu_seconds(self.gallery, PER_RUN)
        return PER_RUN * DAY * ASSUMED["busy"].value / full

    @property
    def cost(self) -> float:
        """USD a month, where GPUs come and go with the queue."""
        return self.hours / ASSUMED["busy"].value * ASSUMED["price"].value


def gpu_seconds(gallery: int, tickets: float) -> float:
    """What a run takes of GPU workers: its own waits while its CPU compares."""
    fixed = ASSUMED["unlearning"].value + tickets * ASSUMED["attacks"].value
    return fixed + divided_seconds(gallery) + undivided_seconds(gallery, tickets)


def divided_seconds(gallery: int) -> float:
    """2 N / faces + DIVIDED · N² / scores: an n-th of it with n workers."""
    embedded = 2 * gallery / ASSUMED["faces"].value
    return embedded + DIVIDED * gallery**2 / ASSUMED["scores"].value


def undivided_seconds(gallery: int, tickets: float) -> float:
    """(WHOLE + WHOLE_A_SUBJECT · tickets) · M² / cpu, with M = N up to COMPARED"""
    compared = min(gallery, COMPARED)
    return (WHOLE + WHOLE_A_SUBJECT * tickets) * compared**2 / ASSUMED["cpu"].value


def forecast(tickets: int, gallery: int) -> Forecast:
    """While one run of a model is under way the next one's tickets gather, 16 at most."""
    per_run = 1.0
    for _ in range(50):  # a fixed point, from below
        waiting = tickets / MONTH * gpu_seconds(gallery, per_run)
        per_run = min(PER_RUN, max(1.0, waiting))
    return Forecast(
        tickets,
        gallery,
        per_run,
        gpu_seconds(gallery, per_run),
        undivided_seconds(gallery, per_run),
    )


def report() -> list[str]:
    """What docs/scale.md shows, as Markdown."""
    lines = ["| assumed | value | why |", "| --- | --- | --- |"]
    for name, each in ASSUMED.items():
        lines.append(f"| {name} | {f'{each.value:,g} {each.unit}'.strip()} | {each.why} |")
    lines += ["", *_head()]
    for gallery in GALLERIES:
        for tickets in MONTHLY:
            lines.append(_row(forecast(tickets, gallery)))
    return lines


def _head() -> list[str]:
    names = (
        "gallery",
        "tickets a month",
        "a day",
        "tickets a run",
        "GPU workers' time of a run",
        "GPU hours a month",
        "GPUs",
        "cost a month, USD",
        "of it a ticket, USD",
        "a day and GPU at most",
        "of it on one CPU",
        "memory, GB",
    )
    return [f"| {' | '.join(names)} |", f"|{' --- |' * len(names)}"]


def _row(found: Forecast) -> str:
    cells = (
        f"{found.gallery:,}",
        f"{found.tickets:,}",
        f"{found.tickets / 30:,.1f}",
        f"{found.per_run:.1f}",
        _time(found.gpu),
        f"{found.hours:,.1f}",
        f"{found.gpus:,}",
        f"{found.cost:,.0f}",
        f"{found.cost / found.tickets:,.2f}",
        f"{found.capacity:,.0f}",
        _time(found.undivided),
        f"{found.memory / 1e9:,.0f}",
    )
    return f"| {' | '.join(cells)} |"


def _time(seconds: float) -> str:
    for unit, length in (("d", DAY), ("h", HOUR), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.1f} {unit}"
    return f"{seconds:,.0f} s"


def check(found: Found, size: Size) -> list[str]:
    """The model's times of the divided parts beside those of the runs, in CPU seconds."""
    one = {part: middle(found[1][part]) for part in PARTS}
    per_face = one["embed"].total / size.faces
    per_score = one["search"].total / size.templates**2
    lines = [
        f"one core: {1 / per_face:,.1f} faces/s of MobileFaceNet, {1 / per_score:.2e} scores/s",
        "part    processes  busiest by the model  measured  ratio",
    ]
    for count, parts in found.items():
        for part in PARTS:
            run = middle(parts[part])
            expected = one[part].total * ceil(run.shards / count) / run.shards
            lines.append(
                f"{part:<7} {count:>9}  {expected:20.1f}  {run.busiest:8.1f}  "
                f"{run.busiest / expected:5.2f}"
            )
    return lines
