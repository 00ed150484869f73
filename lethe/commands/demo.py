"""`lethe demo`: one ticket from the form to its certificate, with figures."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from lethe.commands.faces import add_face_set
from lethe.commands.models import add_model
from lethe.commands.tickets import follow_ticket, show_ticket
from lethe.commands.up import data_option, port_option, say_where, sign_in_link, stay
from lethe.demo.browser import Browser
from lethe.demo.cast import Cast, cast_from_folder, synthetic_cast
from lethe.stack.installation import Installation
from lethe.stack.stack import Stack, running
from lethe.terminal import REFUSED, console, figure
from lethe.ticket_desk import LocalDesk
from storage.certificates.issued import read_public_key, verify
from storage.errors import BadInput
from storage.models.registry import Model
from storage.record import Record
from storage.tickets.states import State
from storage.tickets.ticket import Ticket

OWN_MODEL = Path(__file__).parents[1] / "demo" / "recogniser.onnx"


@click.command()
@click.option("--model", "model_file", type=click.Path(path_type=Path), help="Your recogniser.")
@click.option("--faces", "folder", type=click.Path(path_type=Path), help="One folder a person.")
@data_option
@port_option
def demo(model_file: Path | None, folder: Path | None, data: Path, port: int) -> None:
    """Erase one person from a model, from the form to the certificate.

    Without options on synthetic people and a small recogniser that Lethe brings.
    """
    if (model_file is None) != (folder is None):
        raise BadInput("--model and --faces: give both, or neither for the synthetic people")
    installation = Installation.open(data)
    console.print(f"Starting Lethe; its data is in {installation.folder}")
    with running(installation, port) as stack:
        cast = _cast(installation, folder)
        ticket = _one_ticket(stack, cast, model_file or OWN_MODEL)
        if ticket.state is State.COMPLETED:
            _say_result(stack, ticket)
        else:
            show_ticket(ticket, Record.open().tickets.events(ticket.id))
        say_where(stack)
        if sys.stdout.isatty():
            console.print("Everything stays up until Ctrl-C.")
            stay(stack)
    if ticket.state is not State.COMPLETED:
        sys.exit(REFUSED if ticket.state is State.NEEDS_REVIEW else 1)


def _cast(installation: Installation, folder: Path | None) -> Cast:
    if folder:
        return cast_from_folder(folder, installation.folder / "cache" / "cast")
    console.print("Drawing synthetic people (once) …")
    return synthetic_cast(installation.folder / "cache" / "people")


def _one_ticket(stack: Stack, cast: Cast, model_file: Path) -> Ticket:
    record = Record.open()
    reference = add_face_set(record, f"{cast.name}-reference", cast.reference)
    benchmark = add_face_set(record, f"{cast.name}-benchmark", cast.benchmark)
    name = _new_name(record, cast.name)
    add_model(record, Model(name, reference.name, benchmark.name), model_file)
    console.print(
        f"Model {name}, {len(reference.people)} reference people, "
        f"{len(benchmark.people)} benchmark people (nobody is in both)"
    )
    browser = Browser(stack.url)
    browser.sign_in(sign_in_link(stack))
    ticket = browser.submit(name, cast.subject_reference, cast.subject)
    console.print(
        f"Ticket {ticket}: forget {cast.subject_reference}, {len(cast.subject)} photos; "
        "submitted and approved through the web form"
    )
    browser.approve(ticket)
    follow_ticket(LocalDesk(record), ticket)
    return record.tickets.get(ticket)


def _new_name(record: Record, name: str) -> str:
    taken = {model.name for model in record.models.all()}
    tries = (f"{name}-{number}" if number > 1 else name for number in range(1, len(taken) + 2))
    return next(candidate for candidate in tries if candidate not in taken)


def _say_result(stack: Stack, ticket: Ticket) -> None:
    record = Record.open()
    out = stack.installation.folder / "out" / ticket.id
    version = record.models.version(ticket.model, int(ticket.result["version"]))
    file = record.models.pull(version, out)
    certificate, report = out / "certificate.json", out / "report.html"
    certificate.write_bytes(record.certificates.certificate(ticket.id))
    report.write_bytes(record.certificates.report(ticket.id))
    key = stack.installation.public_key
    verify(certificate.read_bytes(), read_public_key(key), str(certificate))
    say_figures(ticket.result["headline"])
    for sentence in ticket.result["summary"]:
        console.print(sentence)
    console.print(f"\nNew version  {file}")
    console.print(f"Certificate  {certificate} (signature verified)")
    console.print(f"Report       {report}")
    command = f"lethe certificate verify {certificate} --key {key}"
    console.print(f"Check it     {command}")


def say_figures(headline: dict[str, float | None]) -> None:
    """Before and after, on photos that the erasure never saw."""
    threshold, fmr = headline["threshold"], headline["fmr"]
    console.print(f"\n{'':46}{'before':>8}{'after':>8}   (cosine ≥ {threshold:.3f}, FMR {fmr:g})")
    rows = (
        ("forgotten: TMR of the subject's unseen photos", "forget_tmr_before", "forget_tmr_after"),
        ("kept: TMR of the benchmark people", "benchmark_tmr_before", "benchmark_tmr_after"),
        ("enrolled again with new photos: rank-1", "rank1_before", "rank1_after"),
        ("old template against new probe: TMR", "forget_tmr_before", "cross_version_tmr"),
    )
    for text, before, after in rows:
        console.print(f"{text:<46}{figure(headline[before])}{figure(headline[after])}")
    console.print()
