"""`lethe` as somebody at a terminal runs it: what it prints, and the status that it ends with."""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from lethe.cli import main

OWN_MODEL = Path(__file__).parents[2] / "lethe" / "demo" / "recogniser.onnx"
SECONDS = 600  # `lethe erase` takes up to one minute of a core of its own; others are seconds


@dataclass(frozen=True)
class Ended:
    status: int
    out: str
    err: str

    def refusal(self) -> str:
        """The one line of a command that refused its input."""
        assert self.status == 2, self
        assert "Traceback" not in self.out + self.err
        assert self.err.startswith("lethe: "), self.err
        assert self.err.endswith("\n"), self.err
        assert self.err.count("\n") == 1, self.err
        return self.err.removeprefix("lethe: ").rstrip("\n")


def lethe(*arguments: str | Path) -> Ended:
    """Runs the command's own ``main`` in this process: torch is imported once for all tests."""
    out, err = io.StringIO(), io.StringIO()
    status = 0
    with (
        patch.object(sys, "argv", ["lethe", *map(str, arguments)]),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    return Ended(status, out.getvalue(), err.getvalue())


def lethe_process(*arguments: str | Path, env: dict[str, str] | None = None) -> Ended:
    """Runs the installed console script."""
    script = Path(sys.executable).with_name("lethe")
    done = subprocess.run(
        [script, *arguments], capture_output=True, text=True, timeout=SECONDS, env=env, check=False
    )
    return Ended(done.returncode, done.stdout, done.stderr)
