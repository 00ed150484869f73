"""A command of ours as a page shows it, held to the real command line."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click

from lethe.cli import cli
from tests.docs.shown import Shown, words

# Stand for what somebody fills in; where a type wants more than a word, a word of that type.
PLACEHOLDERS = {"N": "2", "DAY": "2026-08-01", "ROLE": "auditor"}
NOT_SPELLED_OUT = "…"


def find(given: list[str]) -> tuple[click.Command, list[str], list[str]]:
    """The command, its own name's words, and what is left for it."""
    command: click.Command = cli
    named: list[str] = []
    rest = list(given)
    while isinstance(command, click.Group) and rest and rest[0] in command.commands:
        named.append(rest[0])
        command = command.commands[rest.pop(0)]
    return command, named, rest


def faults(shown: Shown) -> Iterator[str]:
    """What the command line would say to it."""
    command, _, rest = find(_spelled(words(shown.text)[1:]))
    if isinstance(command, click.Group):
        yield from _group_faults(command, rest)
        return
    yield from _unknown(rest, _options(command))
    if shown.whole:
        for text in {without_brackets(shown.text), with_brackets(shown.text)}:
            yield from _refusal(text)


def without_brackets(text: str) -> str:
    """What has to be given alone."""
    return re.sub(r"\[[^\]]*\]", "", text)


def with_brackets(text: str) -> str:
    """All that may be given; of alternatives the first."""
    return re.sub(r"[\[\]]", "", re.sub(r" \| [^\]]*", "", text))


def _group_faults(group: click.Group, rest: list[str]) -> Iterator[str]:
    if rest and rest[0] != NOT_SPELLED_OUT and not rest[0].startswith("-"):
        yield f"there is no command {rest[0]!r}"
    known = _options(group).union(*map(_options, group.commands.values()))
    yield from _unknown(rest, known)


def _options(command: click.Command) -> set[str]:
    context = click.Context(command)
    parameters = command.get_params(context)
    return {name for one in parameters for name in (*one.opts, *one.secondary_opts)}


def _unknown(rest: list[str], known: set[str]) -> Iterator[str]:
    for word in rest:
        name = word.strip("[]").split("=")[0]
        if name.startswith("-") and name not in known:
            yield f"there is no option {name}"


def _refusal(text: str) -> Iterator[str]:
    command, named, rest = find(_spelled(words(text)[1:]))
    given = [PLACEHOLDERS.get(word, word) for word in rest if word != NOT_SPELLED_OUT]
    try:
        command.make_context(" ".join(named), given)
    except click.exceptions.Exit:
        return  # --help, --version
    except click.ClickException as refusal:
        yield refusal.format_message()


def _spelled(given: list[str]) -> list[str]:
    """Up to what a shell makes of the output."""
    ends = [number for number, word in enumerate(given) if word in {"|", ">", "&&", ";"}]
    return given[: ends[0]] if ends else given
