"""What people see in a terminal: one console, one kind of progress bar."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

console = Console(highlight=False, soft_wrap=True)


REFUSED = 3  # exit status of a command whose certificate was refused


def figure(value: float | None) -> str:
    """A rate in a column of eight characters; a dash where it was not measurable."""
    return f"{'–':>8}" if value is None else f"{value:8.3f}"


class Bar:
    """A bar in a terminal; without one, a line each time the text's first word changes."""

    def __init__(self, progress: Progress | None, title: str) -> None:
        self._progress = progress
        self._task = progress.add_task(title, total=1.0) if progress else None
        self._shown = ""

    def show(self, fraction: float, text: str) -> None:
        if self._progress and self._task is not None:
            self._progress.update(self._task, completed=fraction, description=text)
        elif text.split(":")[0] != self._shown:
            self._shown = text.split(":")[0]
            console.print(f"  {text}")


@contextmanager
def progress_bar(title: str) -> Iterator[Bar]:
    if not console.is_terminal:
        yield Bar(None, title)
        return
    columns = (
        TextColumn("{task.description:<44}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield Bar(progress, title)
