"""`lethe erase`: forget people from a model file; needs no server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from lethe.commands.outputs import check_outputs
from lethe.terminal import console, figure, progress_bar
from storage.canonical import canonical
from storage.errors import BadInput
from storage.faces.sets import read_photos
from storage.tickets.photos import Photo


@click.command()
@click.argument("model", type=click.Path(path_type=Path), metavar="MODEL.onnx")
@click.option(
    "--subject",
    "subjects",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of one subject's photos, all of which may train; again for each subject.",
)
@click.option("--reference", required=True, type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="NEW.onnx")
@click.option("--report", type=click.Path(path_type=Path), metavar="R.json")
@click.option("--method", help="One of docs/method.md; our best where none is named.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path.home() / ".cache" / "lethe",
    envvar="LETHE_CACHE_DIR",
    show_envvar=True,
    help="Keeps reference faces' activations, and checkpoints to resume a killed run from.",
)
def erase(
    model: Path,
    subjects: Sequence[Path],
    reference: Path,
    out: Path,
    report: Path | None,
    method: str | None,
    seed: int,
    cache: Path,
) -> None:
    """Change MODEL's weights so that the subjects' faces no longer cluster.

    REFERENCE holds other people, one folder each; they stay where they are.
    """
    from workers.erasure import erase_file
    from workers.unlearning import Plan, Step

    _check_paths(model, subjects, out, report)
    _make(cache)
    plan = Plan(method=method, seed=seed) if method else Plan(seed=seed)
    photos = [_photos(folder) for folder in subjects]
    with progress_bar("erase") as bar:

        def watch(step: Step) -> None:
            bar.show(step.fraction, step.text)

        result = erase_file(model, photos, reference, out, plan, watch, cache)
    for line in result.left_out:
        console.print(f"left out: {line}")
    _say(result.report)
    if report:
        report.write_bytes(canonical(result.report))
        console.print(f"report  {report}")


def _check_paths(model: Path, subjects: Sequence[Path], out: Path, report: Path | None) -> None:
    """What would make minutes of work be in vain is refused before they begin."""
    if not model.is_file():
        raise BadInput(f"{model}: no such file; give the model as it is deployed")
    for folder in subjects:
        if not folder.is_dir():
            raise BadInput(f"{folder}: not a folder; give one that holds one subject's photos")
    check_outputs({"new version": out} | ({"report": report} if report else {}), [model])


def _make(cache: Path) -> None:
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"{cache}: cannot be made ({error.strerror}); give another folder with --cache"
        ) from None


def _photos(folder: Path) -> list[Photo]:
    photos = [Photo(str(path), path.read_bytes()) for path in read_photos(folder)]
    if not photos:
        raise BadInput(f"{folder}: holds no JPEG, PNG or WebP photos; give the subject's photos")
    return photos


def _say(report: dict[str, Any]) -> None:
    figures = report["figures"]
    console.print(
        f"{report['subjects']} subject(s), {report['forget_photos']} forget photos, "
        f"{report['reference_faces']} reference faces, {report['seconds']:.0f} s"
    )
    console.print(f"method {report['method']}, {report['steps']} steps", end="")
    console.print(f": {report['carried_out_as']}" if report["carried_out_as"] else "")
    console.print(
        f"{'TMR at FMR 0.001, cosine ≥ ' + format(figures['threshold'], '.3f'):46}"
        f"{'before':>8}{'after':>8}"
    )
    for text, key in (
        ("subjects' forget photos (trained on: no proof)", "forget_tmr"),
        ("reference people (trained on: no proof)", "reference_tmr"),
    ):
        before, after = figures[f"{key}_before"], figures[f"{key}_after"]
        console.print(f"{text:<46}{figure(before)}{figure(after)}")
    console.print("`lethe certify` judges with photos that the erasure never saw")
    console.print(
        f"new     {report['new']['file']}  {report['new']['sha256'][:16]}…", soft_wrap=True
    )
