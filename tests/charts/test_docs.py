"""docs/kubernetes.md: its commands and values are those of the chart."""

from __future__ import annotations

import itertools
import re
import shlex
from functools import cache

import click
import helm_python as helm
import yaml

from lethe.cli import cli
from tests.charts.release import ROOT, Document, Release, chart, render, rendered

GUIDE = ROOT / "docs" / "kubernetes.md"
TEXT = GUIDE.read_text()
KINDS = {"deployment": "Deployment", "job": "Job", "pod": "StatefulSet", "pvc": "StatefulSet"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


@cache
def commands() -> tuple[tuple[str, ...], ...]:
    """Those of the blocks, line by line, and those within sentences."""
    lines = "".join(blocks("sh")).replace("\\\n", " ").splitlines()
    sentences = re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL)
    lines += [
        " ".join(found.split()) for found in re.findall(r"`((?:helm|kubectl) [^`]+)`", sentences)
    ]
    made = (re.sub(r"\$\(openssl rand -hex 32\)", "f" * 64, line) for line in lines)
    return tuple(tuple(shlex.split(line)) for line in made)


def given(command: tuple[str, ...]) -> Document:
    values: Document = {}
    for option, value in itertools.pairwise(command):
        if option == "--set":
            values = merged(values, helm.parse_set_string(value))
        elif option == "--set-file":
            values = merged(values, helm.parse_set_string(f"{value.partition('=')[0]}=text"))
        elif option == "--values":
            values = merged(values, own_values())
    return values


def merged(first: Document, second: Document) -> Document:
    both = {**first, **second}
    for key in first.keys() & second.keys():
        if isinstance(first[key], dict) and isinstance(second[key], dict):
            both[key] = merged(first[key], second[key])
    return both


def own_values() -> Document:
    (block,) = blocks("yaml")
    return dict(yaml.safe_load(block))


def releases() -> list[Release]:
    """What the guide installs, and a release with bundled servers."""
    return [
        *(render(given(command)) for command in commands() if "charts/lethe" in command),
        rendered("trial"),
    ]


def test_every_installation_and_upgrade_of_the_guide_renders() -> None:
    found = [command for command in commands() if "charts/lethe" in command]
    assert [command[:3] for command in found] == [
        ("helm", "install", "lethe"),
        ("helm", "upgrade", "lethe"),
        ("helm", "upgrade", "lethe"),
    ]
    assert [len(release.of("Deployment")) for release in releases()] == [4] * 4


def test_the_values_of_the_guide_scale_watch_and_close_what_they_say() -> None:
    kinds = {found["kind"] for found in render(own_values()).manifests}
    assert {"ScaledObject", "Ingress", "PodMonitor", "ServiceMonitor", "NetworkPolicy"} <= kinds


def test_kubectl_is_told_names_that_are_there() -> None:
    there = {
        (found["kind"], found["metadata"]["name"])
        for release in releases()
        for found in release.manifests
    }
    named = [
        word for command in commands() for word in command if re.match(r"\w+/lethe-|pvc/", word)
    ]
    assert len(named) > 5
    for word in named:
        kind, _, name = word.partition("/")
        if kind in {"pod", "pvc"}:  # a StatefulSet's first
            name = name.removeprefix("data-").removesuffix("-0")
        assert (KINDS[kind], name) in there, word


def test_the_secrets_that_the_guide_makes_have_the_entries_that_the_chart_reads() -> None:
    made = {
        command[command.index("generic") + 1]: set(re.findall(r"=([-.\w]+)=", " ".join(command)))
        for command in commands()
        if "generic" in command
    }
    read: dict[str, set[str]] = {}
    for pod in render(own_values()).pods():
        for variable in pod.containers[0].get("env", []):
            if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
                read.setdefault(reference["name"], set()).add(reference["key"])
        for volume in pod.spec.get("volumes", []):
            if secret := volume.get("secret"):
                keys = {item["key"] for item in secret["items"]}
                read.setdefault(secret["secretName"], set()).update(keys)
    assert made == read


def test_every_command_of_lethe_in_the_guide_and_in_the_notes_exists() -> None:
    notes = "".join(release.texts["lethe/templates/NOTES.txt"] for release in releases())
    found = set(re.findall(r"\blethe (users|ledger|faces|models) (\w+)", TEXT + notes))
    assert ("users", "link") in found
    for group, command in found:
        inside = cli.commands[group]
        assert isinstance(inside, click.Group)
        assert command in inside.commands


def test_every_value_that_the_guide_names_is_one_of_the_chart() -> None:
    defaults = chart().values
    roots = "|".join(defaults)
    for path in re.findall(rf"`((?:{roots})(?:\.\w+)*)[^`]*`", TEXT):
        values: Document = defaults
        for key in path.split("."):
            assert key in values, path
            values = values[key]


def test_links_of_the_guide_lead_somewhere() -> None:
    for path, anchor in re.findall(r"\]\(([\w.]*)(?:#([-\w]+))?\)", TEXT):
        target = GUIDE.parent / path if path else GUIDE
        headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
        anchors = {re.sub(r"[^-\w ]", "", line.lower()).replace(" ", "-") for line in headings}
        assert not anchor or anchor in anchors, (path, anchor)
