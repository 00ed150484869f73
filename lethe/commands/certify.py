"""`lethe certify`: judge a new version with photos that its making never saw."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lethe.commands.file_certificate import FileCertificate
from lethe.commands.outputs import check_outputs, write_outputs
from lethe.terminal import REFUSED, console, progress_bar
from storage.canonical import canonical
from storage.errors import BadInput

if TYPE_CHECKING:
    from workers.certification import Certification

_PATH = click.Path(path_type=Path)
# What the bar says while a stage lasts: at most 44 letters.
_DOING = {
    "embedding": "embedding all photos by both versions",
    "comparing": "comparing templates",
    "verification benchmarks": "running the verification benchmarks",
    "attack: prototype": "attacking with a few new photos enrolled",
    "attack: pooled": "attacking before the last layer",
    "attack: views": "attacking with changed pictures",
    "attack: probe": "attacking with trained classifiers",
    "attack: replay": "attacking with old templates",
    "attack: relearning": "attacking by training it again",
    "certified": "done",
}


@click.command()
@click.argument("old", type=_PATH, metavar="OLD.onnx")
@click.argument("new", type=_PATH, metavar="NEW.onnx")
@click.option(
    "--subject",
    "subjects",
    multiple=True,
    required=True,
    type=_PATH,
    help="Folder of held-out photos of one subject; again for each subject.",
)
@click.option("--benchmark", required=True, type=_PATH, help="Other people, one folder each.")
@click.option(
    "--verification",
    multiple=True,
    type=_PATH,
    help="InsightFace .bin, folder with pairs.txt, or IJB template lists; again for each.",
)
@click.option(
    "--training-set",
    type=_PATH,
    metavar="DIR",
    help="members/, non-members/ and reference-models/: for membership inference.",
)
@click.option("--policy", type=_PATH, metavar="P.toml", help="The default policy without it.")
@click.option(
    "--report", required=True, type=_PATH, metavar="R.json", help="R.html is written beside it."
)
@click.option(
    "--certificate",
    type=_PATH,
    metavar="C.json",
    help="Signed with LETHE_SIGNING_KEY_FILE or LETHE_SIGNING_KEY; about one subject.",
)
@click.option(
    "--model", "name", metavar="NAME", help="In the certificate; made of OLD's name without it."
)
@click.option(
    "--previous",
    type=_PATH,
    metavar="P.json",
    help="The certificate of the erasure that made OLD; the new one follows it.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def certify(
    old: Path,
    new: Path,
    subjects: Sequence[Path],
    benchmark: Path,
    verification: Sequence[Path],
    training_set: Path | None,
    policy: Path | None,
    report: Path,
    certificate: Path | None,
    name: str | None,
    previous: Path | None,
    seed: int,
) -> None:
    """Compare OLD and NEW on photos that the erasure never saw, and attack NEW.

    Writes every figure as JSON, a report for people as HTML, and a certificate where asked to.
    Ends with status 3 where a required rule of the policy does not hold: a certificate then says
    that it is refused.
    """
    outputs = {"report": report, "page": report.with_suffix(".html")}
    if certificate:
        outputs["certificate"] = certificate
    key = os.environ.get("LETHE_SIGNING_KEY_FILE")
    read = (old, new, policy, previous, *verification, Path(key) if key else None)
    check_outputs(outputs, [path for path in read if path])
    signed = FileCertificate.prepare(old, name, previous, len(subjects)) if certificate else None
    if not signed and (name or previous):
        raise BadInput("--model and --previous: are for a certificate; give --certificate C.json")
    from workers.certification import report_html
    from workers.certify_files import Given, certify_files

    given = Given(old, new, subjects, benchmark, policy, verification, training_set)
    with progress_bar("certify") as bar:
        judged = certify_files(
            given, seed, lambda text, done: bar.show(done, _DOING.get(text, text))
        )
    found = judged.certification
    document, drawings = found.document(), found.drawings()
    files = {report: canonical({**document, "curves": drawings})}
    if signed and certificate:
        files[certificate], document = signed.issue(judged, document)
    files[outputs["page"]] = report_html(document, drawings)
    write_outputs(files)
    _say(found)
    _say_files(found, outputs, signed)
    if found.verdict != "passed":
        sys.exit(REFUSED)


def _say(found: Certification) -> None:
    from lethe.commands.findings import attack_lines, rule_lines

    for sentence in found.summary():
        console.print(sentence, soft_wrap=not console.is_terminal)
    _say_lines("", *rule_lines(found))
    for reference, figures in found.subjects.items():
        _say_lines("", *attack_lines(figures, reference))


def _say_files(
    found: Certification, outputs: Mapping[str, Path], signed: FileCertificate | None
) -> None:
    policy = found.policy
    _say_lines("", f"verdict  {found.verdict}")
    _say_lines(f"policy   {policy.name}, version {policy.version}")
    _say_lines(f"figures  {outputs['report']}", f"report   {outputs['page']}")
    if signed:
        made = f"ticket {signed.ticket}, model {signed.model}, key {signed.signer.key_id}"
        _say_lines(f"signed   {outputs['certificate']}: {made}")


def _say_lines(*lines: str) -> None:
    for line in lines:
        console.print(line, markup=False)
