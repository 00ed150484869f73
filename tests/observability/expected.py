"""What each panel must show after the tickets of ``watched``: by title, then by its series."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tests.observability.watched import DOOR, GATE, GONE, HALL, MEMORY

Values = Mapping[tuple[str, ...], float]  # values of a series' labels → value
Check = Callable[[Values], bool]
DAY = 24 * 3600


def one(value: float) -> Check:
    return lambda values: list(values.values()) == [value]


def between(low: float, high: float) -> Check:
    return lambda values: bool(values) and all(low <= found <= high for found in values.values())


def exactly(given: Mapping[str, float]) -> Check:
    """Each series has one label."""
    return lambda values: {key: found for (key,), found in values.items()} == given


def counted(given: Mapping[str, float]) -> Check:
    """As ``exactly``, of an increase, which Prometheus stretches to the time that was asked for."""

    def check(values: Values) -> bool:
        near = {key: abs(found - given[key]) < 0.6 for (key,), found in values.items()}
        return set(near) == set(given) and all(near.values())

    return check


def of(labels: Sequence[str], low: float, high: float) -> Check:
    """One label each, all of these, and values between two bounds."""

    def check(values: Values) -> bool:
        named = {key for (key,) in values} == set(labels)
        return named and all(low <= found <= high for found in values.values())

    return check


STAGES = ("preparing", "unlearning", "certifying", "publishing")
REASONS = (
    "not_an_image",
    "truncated",
    "too_large",
    "too_many_pixels",
    "animated",
    "duplicate",
    "no_face",
    "several_faces",
    "not_cropped",
    "somebody_else",
)
TICKETS: dict[str, Check] = {
    "Open tickets": one(5),
    "Deadlines missed": one(1),
    "Due soon": one(1),
    "Wait for people": one(5),
    "Do not move": one(0),
    "Photos overdue": one(0),
    "The next deadlines": lambda values: (
        len(values) == 5 and min(values.values()) < -DAY and max(values.values()) < 26 * DAY
    ),
    "Time to the next deadline": lambda values: (
        set(values) == {(DOOR,), (HALL,), (GATE,)} and values[(HALL,)] < -DAY
    ),
    "Open tickets by state": exactly(
        {"submitted": 2, "needs_review": 1, "needs_photos": 1, "failed": 1}
    ),
    "Models with most open tickets": exactly({HALL: 3, DOOR: 1, GATE: 1}),
    "Ended tickets": exactly({"completed": 1}),
    "Photos refused, by reason": counted(dict.fromkeys(REASONS, 0.0) | {"duplicate": 3}),
    "Duration of a stage, nine in ten": of(STAGES, 0.001, 60),
    "Duration of a stage, half of them": of(STAGES, 0.001, 60),
    "Stages that ended": of(STAGES, 0.4, 7),
}
ERASURES: dict[str, Check] = {
    "Most recognised": between(0, 1),
    "Greatest loss": between(-0.5, 0.5),
    "Refused, for review": one(1),
    "Broken links": one(1),
    "Last verification": between(0, 120),
    "Photos overdue": one(0),
    "Figures of the last erasure": of((DOOR,), 0, 1),
    "Everybody else's TMR": of((DOOR,), 0.5, 1),
    "Loss since the first erasure": of((DOOR,), -0.5, 0.5),
    "Subjects' TMR": of((DOOR,), 0, 1),
    "Subjects' old templates": of((DOOR,), 0, 1),
    "Version": lambda values: (
        {tuple(sorted(key)): found for key, found in values.items()}
        == {
            tuple(sorted(("current", model))): number
            for model, number in ((DOOR, 2), (HALL, 1), (GATE, 1))
        }
    ),
    "Runs, by result": lambda values: (
        {key for (key,) in values} == {"completed", "refused", "failed"}
        and abs(values[("completed",)] - 1) < 0.6
        and abs(values[("refused",)] - 1) < 0.6
        and values[("failed",)] < 1.6  # before Prometheus saw that there were none
    ),
    "Verdicts": exactly({"passed": 1, "refused": 1}),
}
WORKERS: dict[str, Check] = {
    "GPU workers": one(1),
    "CPU workers": one(1),
    "Busy": between(0, 1),
    "Gone": one(1),
    "GPU idle while tasks wait": one(0),
    "Last sweep": between(0, 60),
    "Tasks that wait": of(("cpu", "gpu"), 0, 30),
    "Busy workers": of(("cpu,gpu",), 0, 1),
    "Every worker": lambda values: (
        len(values) == 2 and all((found > 60) == (GONE in key) for key, found in values.items())
    ),
    "Share of the time that a worker is busy": lambda values: (
        len(values) == 1 and 0 < next(iter(values.values())) <= 1
    ),
    "GPU memory": one(0),
    "Faces embedded": between(0, 1e6),
    "Redis's memory": between(1e-4, 0.5),
    "Redis's memory, in bytes": between(1e5, MEMORY / 2),
    "Redis refuses when full": one(1),
    "Keys dropped": one(0),
    "Webhooks put off": one(0),
}
BOARDS = {"lethe-tickets": TICKETS, "lethe-erasures": ERASURES, "lethe-workers": WORKERS}
