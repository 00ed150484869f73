"""Alerts: each fires and does not, and says where its runbook is."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from lethe import cli

ROOT = Path(__file__).parents[2]
RULES = ROOT / "charts" / "lethe" / "files" / "rules" / "lethe.yaml"
CASES = Path(__file__).with_name("alerts.yaml")
RUNBOOKS = ROOT / "docs" / "runbooks"
SEVERITIES = {"critical", "warning", "info"}
SECTIONS = ["## What it means", "## Look at", "## Do", "## When it goes away"]


def rules() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def promtool(*arguments: str | Path) -> None:
    if not (binary := shutil.which("promtool")):
        pytest.skip("no promtool on PATH: Debian's package prometheus has it")
    done = subprocess.run(
        [binary, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_are_rules() -> None:
    promtool("check", "rules", RULES)


def test_each_alert_fires_and_does_not_as_its_cases_say() -> None:
    promtool("test", "rules", CASES)


def test_there_is_a_case_of_each_alert_that_fires_and_one_that_does_not() -> None:
    found: dict[str, set[bool]] = {name: set() for name in rules()}
    for case in yaml.safe_load(CASES.read_text())["tests"]:
        (asked,) = case["promql_expr_test"]
        name = case["name"].partition(":")[0]
        assert f'alertname="{name}"' in asked["expr"]
        found[name].add(bool(asked["exp_samples"]))
    assert {name for name, fires in found.items() if fires != {True, False}} == set()


@pytest.mark.parametrize("name", rules())
def test_an_alert_says_how_grave_it_is_what_it_is_about_and_what_to_do(name: str) -> None:
    rule = rules()[name]
    said = rule["annotations"]
    assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"].keys() == {"severity"}
    assert rule["labels"]["severity"] in SEVERITIES
    assert set(said) == {"summary", "description", "runbook_url"}
    labels = set(re.findall(r"\$labels\.(\w+)", said["summary"] + said["description"]))
    kept = set(", ".join(re.findall(r"by \(([^)]*)\)", rule["expr"])).split(", "))
    assert labels <= kept, "an empty label"
    assert said["runbook_url"].startswith("docs/runbooks/")
    text = (ROOT / said["runbook_url"]).read_text()
    assert text.startswith(f"# {name}\n")
    assert [line for line in text.splitlines() if line.startswith("## ")] == SECTIONS


def commands() -> list[tuple[str, str]]:
    """Runbook and each command of ``lethe`` in it."""
    return [
        (path.name, " ".join(found.split()))
        for path in sorted(RUNBOOKS.glob("*.md"))
        for found in re.findall(r"`(lethe [a-z][^`]+)`", path.read_text())
    ]


@pytest.mark.parametrize(("runbook", "command"), commands())
def test_a_runbook_s_commands_are_there_with_their_options(runbook: str, command: str) -> None:
    words, found = command.split()[1:], cli.cli
    while words and isinstance(found, click.Group):
        name = words.pop(0)
        assert name in found.commands, f"{runbook}: {command}"
        found = found.commands[name]
    options = {option for parameter in found.params for option in parameter.opts}
    asked = {word for word in words if word.startswith("--")}
    assert asked <= options, f"{runbook}: {command}"
    needed = {p.opts[-1] for p in found.params if isinstance(p, click.Option) and p.required}
    assert not asked or needed <= asked, f"{runbook}: {command}"


def test_there_is_no_runbook_without_an_alert() -> None:
    named = {Path(rule["annotations"]["runbook_url"]).name for rule in rules().values()}
    assert {path.name for path in RUNBOOKS.glob("*.md")} == named | {"README.md"}
    listed = re.findall(r"^\| \[(\w+)\]\((.+?)\) \| (\w+) \| (\w+) \|$", _readme(), re.MULTILINE)
    assert listed == [
        (
            name,
            Path(rule["annotations"]["runbook_url"]).name,
            rule["labels"]["severity"],
            rule["for"],
        )
        for name, rule in rules().items()
    ]


def _readme() -> str:
    return (RUNBOOKS / "README.md").read_text()
