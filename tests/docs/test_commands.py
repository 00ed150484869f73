"""Every command in the pages is one that the programs take."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.command_line import faults
from tests.docs.pages import PAGES, ROOT, blocks
from tests.docs.shown import PROGRAMS, SHELL, Shown, commands, words

SHOWN = list(commands())
# Programs of others that the tests do not start, and why. What they are given that lies in this
# repository has to be there all the same.
NOT_RUN = {
    "docker": "no container engine where Lethe is developed; tests/docker checks the files",
    "helm": "tests/charts renders every values file with Helm's own engine, without the program",
    "kubectl": "no cluster; tests/charts checks each manifest against Kubernetes' schemas",
    "aws": "no account; the tests' S3 server is rclone",
    "mc": "MinIO's client; the tests' S3 server is rclone",
    "rclone": "the tests start it as their S3 server",
    "weed": "SeaweedFS; the tests' S3 server is rclone",
    "systemctl": "no service manager in the tests",
    "redis-cli": "the tests ask Redis through its client library",
    "promtool": "tests/observability runs it where it is installed",
    "prometheus": "tests/observability runs it where it is installed",
    "git": "this checkout is there already",
    "celery": "tests/stack and tests/workers start workers by the same application",
    "gunicorn": "tests/stack starts the web application by the same configuration",
    "pip": "docker/install.sh installs everything that is pinned, when this environment is made",
    "pybabel": "tests/web says which texts have no translation",
    "jq": "looks at what another command printed",
}


def of(*programs: str) -> list[Shown]:
    return [shown for shown in SHOWN if shown.program in programs]


@pytest.mark.parametrize("shown", of("lethe"), ids=str)
def test_the_command_line_takes_what_the_pages_show(shown: Shown) -> None:
    assert not list(faults(shown)), shown


@pytest.mark.parametrize("shown", of("docker", "kubectl"), ids=str)
def test_so_it_does_where_it_is_called_within_a_container(shown: Shown) -> None:
    found = re.search(r"(?:--|run --rm [\w-]+) (lethe .*)", shown.text)
    if found:
        inside = Shown(shown.page, shown.line, found.group(1), whole=False)
        assert not list(faults(inside)), shown


@pytest.mark.parametrize(
    ("text", "whole", "fault"),
    [
        ("lethe tickets approve ID --reason TEXT", False, "there is no option --reason"),
        ("lethe tickets aprove ID", False, "there is no command 'aprove'"),
        ("lethe tickets extend ID --reason TEXT", True, "Missing option '--deadline'."),
        ("lethe models promote NAME LAST", True, "'LAST' is not a valid integer."),
        ("lethe users add NAME --role boss", True, "'boss' is not one of"),
        ("lethe models list [--all]", True, "there is no option --all"),
    ],
)
def test_what_the_command_line_would_refuse_is_found(text: str, whole: bool, fault: str) -> None:
    assert any(fault in found for found in faults(Shown(ROOT / "README.md", 1, text, whole)))


@pytest.mark.parametrize("shown", of("make"), ids=str)
def test_each_make_is_a_rule_of_the_makefile(shown: Shown) -> None:
    rules = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(words(shown.text)[1:]) <= set(rules), shown


@pytest.mark.parametrize("shown", of("python", "pytest", "ruff", "mypy"), ids=str)
def test_what_python_is_to_run_is_there_with_its_options(shown: Shown) -> None:
    given = re.sub(r"[\[\]]", "", shown.text).split()
    module = given[given.index("-m") + 1] if "-m" in given else given[0]
    if not module.startswith(("benchmarks.", "charts.", "docker.")):
        module = ""
    source = "".join(path.read_text() for path in _sources(module)) if module else ""
    assert source or not module, f"{shown}: there is no {module}"
    for word in given:
        if source and word.startswith("--"):
            assert f'"{word}"' in source, f"{shown}: {module} has no option {word}"
        if re.match(r"(tests|docker|charts|benchmarks)/", word):
            assert (ROOT / word).exists(), f"{shown}: there is no {word}"


def _sources(module: str) -> list[Path]:
    place = ROOT.joinpath(*module.split("."))
    files = [place.with_suffix(".py"), place / "__main__.py", ROOT / "benchmarks" / "command.py"]
    return [file for file in files if file.exists()] if place.exists() or files[0].exists() else []


@pytest.mark.parametrize("shown", of(*NOT_RUN), ids=str)
def test_what_is_not_run_names_only_files_that_are_there(shown: Shown) -> None:
    for word in words(shown.text):
        path = word.split("=")[-1].removeprefix("./")
        if re.match(r"(charts|docker|docs|tests)/[\w./-]+\.\w+$", path) and "pinned" not in path:
            assert (ROOT / path).exists(), f"{shown}: there is no {path}"


def test_every_program_that_the_pages_name_is_run_or_on_the_list_of_those_that_are_not() -> None:
    run = {"lethe", "make", "python", "pytest", "ruff", "mypy", "openssl", "sha256sum", "curl"}
    run |= {"export", "tail", "head", "base64"}  # of blocks that tests run whole: test_running.py
    assert run | NOT_RUN.keys() == PROGRAMS
    for page in PAGES:
        for block in blocks(page):
            if block.kind in SHELL:
                first = {words(line)[0] for line in block.text.splitlines() if words(line)}
                assert {Path(word).name for word in first if word[0] != "-"} <= PROGRAMS, block
