"""Lethe takes what the chart gives it, and can be given everything that it takes."""

from __future__ import annotations

import base64
import json
import re
from functools import cache

import pytest
import yaml

from storage.settings import Settings
from tests.charts.release import CHART, NAMES, Release, environment, rendered

# What a Secret's entry may hold, by the entry's name.
ENTRIES = {
    "secret-key": "s" * 32,
    "redis-password": "password",
    "url": "rediss://:p%40ss@redis.example.org:6380/0",
    "s3-access-key": "access",
    "s3-secret-key": "secret",
    "client-secret": "secret",
    "password": "a password of the first admin",
}
WEBHOOK = {
    "url": "https://receiver.example.org/lethe",
    "secret": "whsec_" + base64.b64encode(b"k" * 32).decode(),
}
# Of commands, not of the settings; see lethe/commands/users.py.
OF_COMMANDS = {"LETHE_NEW_PASSWORD"}
# Certificates are signed with a key in a file, so its text is never a variable.
LEFT_OUT = {"signing_key"}


def variable(field: str) -> str:
    return f"LETHE_{field.upper()}"


def chosen(key: str) -> str:
    """The variable of a value under ``settings``."""
    return "LETHE_" + re.sub(r"([A-Z])", r"_\1", key).upper()


@cache
def keys() -> tuple[str, ...]:
    return tuple(yaml.safe_load((CHART / "values.yaml").read_text())["settings"])


def given(release: Release) -> dict[str, dict[str, str]]:
    entries = ENTRIES | (WEBHOOK if "webhook" in release.values else {})
    return {
        pod.component: environment(release, pod.containers[0], entries) for pod in release.pods()
    }


def test_every_variable_of_the_chart_is_a_setting_of_lethe(release: Release) -> None:
    known = {variable(field) for field in Settings.model_fields} | OF_COMMANDS
    for component, names in given(release).items():
        assert {name for name in names if name.startswith("LETHE_")} <= known, component


def test_every_value_under_settings_is_a_setting_of_lethe() -> None:
    assert {chosen(key) for key in keys()} <= {variable(field) for field in Settings.model_fields}


def test_every_setting_of_lethe_can_be_made_in_the_chart() -> None:
    made = {chosen(key) for key in keys()}
    for name in NAMES:
        for names in given(rendered(name)).values():
            made |= set(names)
    missing = {field for field in Settings.model_fields if variable(field) not in made}
    assert missing == LEFT_OUT


def test_lethe_takes_the_settings_of_each_of_its_parts(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    for component, names in given(release).items():
        if component in {"redis", "s3", "test"}:
            continue
        with monkeypatch.context() as patch:
            for name, value in names.items():
                patch.setenv(name, value)
            settings = Settings()
        assert settings.s3_access_key == "access"
        assert (settings.secret_key is not None) == (component == "web")


def test_numbers_arrive_whole_and_switches_as_words() -> None:
    (found,) = {names["LETHE_MODEL_BYTES"] for names in _lethe("settings")}
    assert found == "4294967296"
    (found,) = {names["LETHE_SECURE_COOKIES"] for names in _lethe("settings")}
    assert found == "false"


def _lethe(name: str) -> list[dict[str, str]]:
    return [names for names in given(rendered(name)).values() if "LETHE_S3_ENDPOINT" in names]


def test_what_is_not_set_is_left_to_lethe() -> None:
    made = rendered("external").one("ConfigMap", "-settings")["data"]
    assert set(made) == {"LETHE_S3_ENDPOINT", "LETHE_S3_REGION", "LETHE_S3_BUCKET"}


def test_redis_is_named_by_all_its_parts() -> None:
    urls = {name: given(rendered(name))["beat"]["LETHE_REDIS_URL"] for name in NAMES}
    assert urls["redis-tls"] == "rediss://lethe:password@redis.example.org:6380/2"
    assert urls["redis-url"] == ENTRIES["url"]
    assert urls["trial"] == "redis://:password@lethe-redis:6379/0"


def test_roles_of_an_openid_provider_keep_their_order() -> None:
    roles = json.loads(given(rendered("oidc"))["web"]["LETHE_OIDC_ROLES"])
    assert list(roles.items()) == [("lethe-admins", "admin"), ('all "staff"', "requester")]


def test_a_policy_is_a_file_of_the_workers_and_its_path_is_set() -> None:
    release = rendered("settings")
    text = release.one("ConfigMap", "-policy")["data"]["policy.toml"]
    assert text == release.values["policyFile"].strip()
    for component in ("worker-cpu", "worker-gpu"):
        mounts = {
            mount["name"]: mount["mountPath"]
            for mount in release.pod(component).containers[0]["volumeMounts"]
        }
        policy = f"{mounts['policy']}/policy.toml"
        assert given(release)[component]["LETHE_POLICY"] == policy


def test_files_to_import_are_mounted_for_workers_alone_and_offered_by_web() -> None:
    release = rendered("settings")
    for pod in release.pods():
        mounts = {mount["name"]: mount for mount in pod.containers[0].get("volumeMounts", [])}
        assert ("import" in mounts) == (pod.component in {"worker-cpu", "worker-gpu"})
        if "import" in mounts:
            assert mounts["import"]["readOnly"] is True
            assert mounts["import"]["mountPath"] == "/import"
    assert given(release)["web"]["LETHE_IMPORT_DIR"] == "/import"


def test_traces_are_switched_on_by_opentelemetry_s_own_variables() -> None:
    made = given(rendered("tracing"))["worker-gpu"]
    assert made["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://collector.tracing.svc:4318"
    assert made["OTEL_EXPORTER_OTLP_PROTOCOL"] == "http/protobuf"
    assert float(made["OTEL_TRACES_SAMPLER_ARG"]) == pytest.approx(0.1)
    assert not any(name.startswith("OTEL_") for name in given(rendered("external"))["web"])
