"""No secret stands anywhere but in a Secret, and each part is given those that it needs."""

from __future__ import annotations

import json
from collections.abc import Iterator

import yaml

from tests.charts.release import CHART, Document, Pod, Release, rendered

S3 = {"LETHE_S3_ACCESS_KEY", "LETHE_S3_SECRET_KEY"}
REDIS = {"REDIS_PASSWORD"}
NEEDED = {
    "web": S3 | REDIS | {"LETHE_SECRET_KEY"},
    "worker-cpu": S3 | REDIS,
    "worker-gpu": S3 | REDIS,  # and the signing key, as a file
    "beat": S3 | REDIS,
    "job-rebuild": S3 | REDIS,
    "job-verify": S3 | REDIS,
    "job-first-admin": S3 | REDIS,
    "test": set(),
    "redis": {"REDISCLI_AUTH"},
    "s3": {"S3_ACCESS_KEY", "S3_SECRET_KEY"},
}
WEBHOOK = {"LETHE_WEBHOOK_URL", "LETHE_WEBHOOK_SECRET"}


def from_secrets(pod: Pod) -> dict[str, Document]:
    return {
        variable["name"]: variable["valueFrom"]["secretKeyRef"]
        for container in pod.containers
        for variable in container.get("env", [])
        if "valueFrom" in variable
    }


def test_a_secret_is_named_and_never_written_out(release: Release) -> None:
    for pod in release.pods():
        for container in pod.containers:
            for variable in container.get("env", []):
                name = variable["name"]
                if any(part in name for part in ("SECRET", "PASSWORD", "KEY", "TOKEN", "AUTH")):
                    assert (
                        name == "LETHE_SIGNING_KEY_FILE" or "secretKeyRef" in variable["valueFrom"]
                    )


def test_each_part_is_given_the_secrets_that_it_needs_and_no_other() -> None:
    for name in ("external", "trial"):
        for pod in rendered(name).pods():
            assert set(from_secrets(pod)) == NEEDED[pod.component], pod.component


def test_every_secret_is_one_that_the_values_name(release: Release) -> None:
    """And each that they name is read by somebody."""
    named = {
        str(value)
        for path, value in _leaves(release.values)
        if path.endswith(("existingSecret", "ExistingSecret"))
    }
    named |= {found["metadata"]["name"] for found in release.of("Secret")}
    read = {reference["name"] for pod in release.pods() for reference in from_secrets(pod).values()}
    read |= {
        volume["secret"]["secretName"]
        for pod in release.pods()
        for volume in pod.spec.get("volumes", [])
        if "secret" in volume
    }
    erases = release.values.get("workers", {}).get("gpu", {}).get("enabled", True)
    assert read == named - (set() if erases else {"lethe-signing"})


def test_the_signing_key_is_a_file_of_the_workers_that_erase(release: Release) -> None:
    for pod in release.pods():
        mounted = [volume["secret"] for volume in pod.spec.get("volumes", []) if "secret" in volume]
        names = {variable["name"] for variable in pod.containers[0].get("env", [])}
        if pod.component != "worker-gpu":
            assert mounted == []
            assert "LETHE_SIGNING_KEY_FILE" not in names
            continue
        (secret,) = mounted
        assert secret["defaultMode"] & 0o007 == 0  # nobody else's to read
        (path,) = (
            mount for mount in pod.containers[0]["volumeMounts"] if mount["name"] == "signing-key"
        )
        (file,) = (
            variable["value"]
            for variable in pod.containers[0]["env"]
            if variable["name"] == "LETHE_SIGNING_KEY_FILE"
        )
        assert file == f"{path['mountPath']}/{secret['items'][0]['path']}"
        assert path["readOnly"] is True


def test_the_keys_of_webhooks_and_of_single_sign_on_are_with_those_who_use_them() -> None:
    for pod in rendered("webhook").pods():
        told = set(from_secrets(pod)) >= WEBHOOK
        assert told == (pod.component in {"web", "worker-cpu", "beat"})
    for pod in rendered("oidc").pods():
        asks = "LETHE_OIDC_CLIENT_SECRET" in from_secrets(pod)
        assert asks == (pod.component == "web")


def test_web_can_have_keys_of_its_own_to_the_store() -> None:
    release = rendered("bundled")
    for pod in release.pods():
        if reference := from_secrets(pod).get("LETHE_S3_ACCESS_KEY"):
            own = pod.component == "web"
            assert reference["name"] == ("lethe-s3-web" if own else "lethe-s3")


def test_a_secret_is_made_for_a_trial_alone(release: Release) -> None:
    made = release.of("Secret")
    assert len(made) == release.values.get("trial", {}).get("createSecret", False)


def test_a_trial_s_secrets_stand_in_its_secret_and_nowhere_else() -> None:
    release = rendered("trial")
    (secret,) = release.of("Secret")
    given = set(release.values["trial"].values()) - {True}
    assert set(secret["stringData"].values()) == given
    others = [found for found in release.manifests if found["kind"] != "Secret"]
    for value in given:
        assert value.strip() not in json.dumps(others)
        assert value.strip() not in release.texts["lethe/templates/NOTES.txt"]
    for pod in release.pods():
        for reference in from_secrets(pod).values():
            assert reference["name"] == secret["metadata"]["name"]
            assert reference["key"] in secret["stringData"]


def test_no_secret_has_a_default() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    secrets = dict(_leaves(values))
    empty = {path: value for path, value in secrets.items() if path.endswith("existingSecret")}
    empty |= {path: value for path, value in secrets.items() if path.startswith("trial.")}
    assert len(empty) > 10
    assert set(map(bool, empty.values())) == {False}


def _leaves(values: Document, path: str = "") -> Iterator[tuple[str, object]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value
