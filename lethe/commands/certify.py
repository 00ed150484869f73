"""`lethe certify`: judge a new version with photos that its making never saw."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from lethe.commands.erase import check_output
from lethe.terminal import REFUSED, console, progress_bar
from storage.canonical import canonical


@click.command()
@click.argument("old", type=click.Path(path_type=Path), metavar="OLD.onnx")
@click.argument("new", type=click.Path(path_type=Path), metavar="NEW.onnx")
@click.option(
    "--subject",
    "subjects",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of held-out photos of one subject; again for each subject.",
)
@click.option("--benchmark", required=True, type=click.Path(path_type=Path))
@click.option("--policy", type=click.Path(path_type=Path), metavar="P.toml")
@click.option("--report", required=True, type=click.Path(path_type=Path), metavar="R.json")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def certify(
    old: Path,
    new: Path,
    subjects: Sequence[Path],
    benchmark: Path,
    policy: Path | None,
    report: Path,
    seed: int,
) -> None:
    """Compare OLD and NEW on photos that the erasure never saw.

    BENCHMARK holds other people, one folder each. Ends with status 3 where a rule does not hold.
    """
    from workers.erasure import certify_files

    check_output(report, [old, new])
    with progress_bar("certify") as bar:
        result = certify_files(
            old, new, subjects, benchmark, policy, seed, lambda text, done: bar.show(done, text)
        )
    for sentence in result.summary():
        console.print(sentence)
    for rule in result.rules:
        console.print(f"  {rule}")
    report.write_bytes(canonical(result.document()))
    console.print(f"verdict  {result.verdict}\nreport   {report}")
    if result.verdict != "passed":
        sys.exit(REFUSED)
