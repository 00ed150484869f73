"""What the benchmarks' command lines share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from storage.errors import BadInput, LetheError

BAD_INPUT = 2  # exit status


def parser(doc: str | None, *, required: bool = True) -> argparse.ArgumentParser:
    """With --model and --people; ``doc`` is the benchmark's own docstring."""
    made = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--model", type=Path, required=required, help="recogniser, ONNX")
    made.add_argument(
        "--people", type=Path, required=required, help="aligned crops, one folder a person"
    )
    return made


def positive(text: str) -> int:
    """An option's whole number above zero."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not above zero")
    return value


def run(main: Callable[[], None]) -> None:
    """What cannot be measured, or measured with, is one line on standard error."""
    try:
        main()
    except LetheError as error:
        print(error, file=sys.stderr)
        sys.exit(BAD_INPUT if isinstance(error, BadInput) else 1)
