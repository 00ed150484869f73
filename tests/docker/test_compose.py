"""docker/compose.yaml, as far as it can be looked at where no container engine is."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from storage.settings import Settings
from tests.docker.conftest import COMPOSE
from tests.docker.dockerfile import ROOT, command, variables

SCHEMA = Path(__file__).parent / "compose_spec" / "schema.json"
LETHE = ("web", "worker-cpu", "worker-erase", "worker-gpu", "beat")
ERASE = ("worker-erase", "worker-gpu")
SERVICES = (*LETHE, "redis", "s3", "prometheus", "grafana")
EXAMPLE = ROOT / "docker" / ".env.example"
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)(?::([-?])([^}]*))?\}")
_SECRET = re.compile(r"PASSWORD|SECRET|ACCESS_KEY|SIGNING_KEY")


def grammar() -> Draft7Validator:
    return Draft7Validator(json.loads(SCHEMA.read_text()))


def read_variables() -> dict[str, set[tuple[str, str]]]:
    """Each variable of the file with what stands behind it: ``-`` and a default, ``?`` and why."""
    found: dict[str, set[tuple[str, str]]] = {}
    for name, kind, text in _VARIABLE.findall(COMPOSE.read_text()):
        found.setdefault(name, set()).add((kind, text))
    return found


def seconds(text: str) -> int:
    assert text.endswith("s")
    return int(text[:-1])


def test_compose_is_written_as_its_specification_asks(compose: dict[str, Any]) -> None:
    grammar().validate(compose)
    assert set(compose["services"]) == set(SERVICES)


def test_the_specification_s_schema_sees_a_mistake(compose: dict[str, Any]) -> None:
    wrong = json.loads(json.dumps(compose))
    wrong["services"]["web"]["read_onyl"] = True
    assert not grammar().is_valid(wrong)


def test_every_variable_says_what_it_is_without_one() -> None:
    assert not [name for name, ways in read_variables().items() if ("", "") in ways]


def test_no_secret_has_a_default() -> None:
    secrets = {name for name in read_variables() if _SECRET.search(name)}
    needed = {"REDIS_PASSWORD", "LETHE_S3_ACCESS_KEY", "LETHE_S3_SECRET_KEY", "LETHE_SECRET_KEY"}
    needed |= {"GRAFANA_PASSWORD", "SIGNING_KEY_FILE"}
    assert secrets == needed | {"LETHE_WEBHOOK_SECRET", "LETHE_OIDC_CLIENT_SECRET"}
    for name in secrets:
        ways = read_variables()[name]
        if name in needed:
            assert all(kind == "?" and text for kind, text in ways), name
        else:  # of what need not be used at all
            assert ways == {("-", "")}, name


def test_the_example_of_an_environment_names_every_variable_and_has_no_value() -> None:
    lines = EXAMPLE.read_text().splitlines()
    named = [re.fullmatch(r"(# )?([A-Z][A-Z0-9_]*)=(.*)", line) for line in lines]
    found = [match.groups() for match in named if match]
    assert not [name for _, name, value in found if value]
    required = {name for hidden, name, _ in found if not hidden}
    demanded = {
        name for name, ways in read_variables().items() if "?" in {kind for kind, _ in ways}
    }
    assert demanded <= required
    # Of Compose itself: which project, and which of its parts.
    assert {name for _, name, _ in found} == {
        *read_variables(),
        "COMPOSE_PROFILES",
        "COMPOSE_PROJECT_NAME",
    }


@pytest.mark.parametrize("service", LETHE)
def test_every_setting_that_compose_names_exists(service: str, compose: dict[str, Any]) -> None:
    named = {name for name in compose["services"][service]["environment"] if "LETHE_" in name}
    assert named <= {f"LETHE_{field.upper()}" for field in Settings.model_fields}
    assert "LETHE_METRICS_DIR" not in named  # the image's own: an empty one would be a mistake


def test_keys_go_to_those_alone_who_need_them(compose: dict[str, Any]) -> None:
    services = compose["services"]
    has_secret = {name for name in LETHE if "LETHE_SECRET_KEY" in services[name]["environment"]}
    assert has_secret == {"web"}
    assert {name for name in SERVICES if services[name].get("secrets")} == set(ERASE)
    for name in ERASE:
        assert services[name]["environment"]["LETHE_SIGNING_KEY_FILE"] == "/run/secrets/signing_key"


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_not_root_and_can_do_little(service: str, compose: dict[str, Any]) -> None:
    given = compose["services"][service]
    user, _ = given["user"].split(":")
    assert int(user) > 0
    assert given["read_only"] is True
    assert given["cap_drop"] == ["ALL"]
    assert given["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "pid", "ipc", "network_mode", "devices"} & given.keys()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_looked_after(service: str, compose: dict[str, Any]) -> None:
    given = compose["services"][service]
    assert given["healthcheck"]["test"]
    assert given["deploy"]["resources"]["limits"]["memory"]
    assert given["pids_limit"] > 0
    assert given["restart"] == "unless-stopped"


@pytest.mark.parametrize("service", LETHE)
def test_lethe_writes_where_something_is_mounted(service: str, compose: dict[str, Any]) -> None:
    given = compose["services"][service]
    mounted = {entry.split(":")[0] for entry in given["tmpfs"]}
    mounted |= {entry.split(":")[1] for entry in given.get("volumes", [])}
    target = given["build"]["target"]
    folders = {variables(target)["HOME"], variables(target)["LETHE_METRICS_DIR"]}
    if service.startswith("worker"):
        folders.add(variables(target)["LETHE_CACHE_DIR"])
    assert mounted == folders


@pytest.mark.parametrize("service", [name for name in LETHE if name != "web"])
def test_a_worker_has_longer_to_end_than_its_soft_shutdown(
    service: str, compose: dict[str, Any]
) -> None:
    found = re.search(
        r"^SOFT_SHUTDOWN_SECONDS = (\d+)", (ROOT / "workers/app.py").read_text(), re.M
    )
    assert found
    grace = seconds(compose["services"][service]["stop_grace_period"])
    assert grace > 2 * int(found.group(1))


@pytest.mark.parametrize("service", LETHE)
def test_lethe_waits_for_redis_and_for_a_store_of_our_own(
    service: str, compose: dict[str, Any]
) -> None:
    waits = compose["services"][service]["depends_on"]
    assert waits["redis"] == {"condition": "service_healthy"}
    assert waits["s3"] == {"condition": "service_healthy", "required": False}


def test_what_is_published_listens_on_this_machine_unless_told_otherwise(
    compose: dict[str, Any],
) -> None:
    published = {
        name: given["ports"] for name, given in compose["services"].items() if "ports" in given
    }
    assert published == {
        "web": ["${LETHE_LISTEN:-127.0.0.1:8080}:8080"],
        "grafana": ["${GRAFANA_LISTEN:-127.0.0.1:3000}:3000"],
    }


def test_networks_keep_apart_who_has_nothing_to_say_to_each_other(compose: dict[str, Any]) -> None:
    on = {name: set(given["networks"]) for name, given in compose["services"].items()}
    ways_out = {name for name, given in compose["networks"].items() if not given.get("internal")}
    assert ways_out == {"outside"}
    assert {name for name in on if "outside" in on[name]} == {"web", "worker-cpu", "grafana"}
    assert on["redis"] == on["beat"] == {"queue"}
    assert on["s3"] == {"objects"}
    assert on["prometheus"] == {"watching"}
    assert not on["grafana"] & {"queue", "objects"}


def test_the_gpu_is_asked_for_once_and_only_by_its_own_profile(compose: dict[str, Any]) -> None:
    asking = [name for name, given in compose["services"].items() if "nvidia" in json.dumps(given)]
    assert asking == ["worker-gpu"]
    gpu = compose["services"]["worker-gpu"]
    assert gpu["profiles"] == ["gpu"]
    (device,) = gpu["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}
    assert compose["services"]["worker-erase"]["profiles"] == ["cpu"]


def test_who_erases_on_cpus_does_what_the_gpu_worker_does(compose: dict[str, Any]) -> None:
    assert compose["services"]["worker-erase"]["command"] == command("worker-gpu")


def test_there_is_one_clock_and_its_probe_knows_its_schedule(compose: dict[str, Any]) -> None:
    beat = compose["services"]["beat"]
    assert beat["deploy"]["replicas"] == 1
    assert "--schedule=/tmp/beat" in beat["command"]
    assert beat["healthcheck"]["test"] == ["CMD", "lethe-probe", "beat"]


def test_what_is_mounted_from_the_checkout_is_there_and_read_only(compose: dict[str, Any]) -> None:
    for given in compose["services"].values():
        for entry in given.get("volumes", []):
            source, _, rest = entry.partition(":")
            if source.startswith("."):
                assert rest.endswith(":ro")
                assert (COMPOSE.parent / source).exists(), source
            else:
                assert source in compose["volumes"]


def test_the_store_s_identity_is_json_that_lets_in_its_key_alone(
    compose: dict[str, Any], tmp_path: Path
) -> None:
    """The service's own script, up to where it would start the server."""
    store = compose["services"]["s3"]
    (script,) = store["command"]
    script = script.replace("$$", "$").replace("/run/seaweedfs", str(tmp_path))
    script = script.replace("exec weed", ": weed")
    keys = {"S3_ACCESS_KEY": "an-access-key", "S3_SECRET_KEY": "a-secret-key"}
    subprocess.run([*store["entrypoint"], script], env={"PATH": "/usr/bin:/bin"} | keys, check=True)
    made = tmp_path / "s3.json"
    assert made.stat().st_mode & 0o077 == 0
    (identity,) = json.loads(made.read_text())["identities"]
    assert identity["credentials"] == [{"accessKey": "an-access-key", "secretKey": "a-secret-key"}]


def test_prometheus_asks_every_part_that_has_something_to_tell(compose: dict[str, Any]) -> None:
    settings = yaml.safe_load((ROOT / "docker" / "prometheus.yaml").read_text())
    jobs = {job["job_name"]: job.get("dns_sd_configs") for job in settings["scrape_configs"]}
    (web,) = jobs["lethe-web"]
    assert (web["names"], web["port"]) == (["web"], 8080)
    (workers,) = jobs["lethe-workers"]
    assert set(workers["names"]) == {name for name in LETHE if name.startswith("worker")}
    assert workers["port"] == int(variables("worker")["LETHE_METRICS_PORT"])
    for name in (*web["names"], *workers["names"]):
        assert "watching" in compose["services"][name]["networks"]


def test_promtool_takes_prometheus_s_settings() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    settings = ROOT / "docker" / "prometheus.yaml"
    command = [promtool, "check", "config", "--syntax-only", str(settings)]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
