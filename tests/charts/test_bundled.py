"""The servers in the chart: one Redis and one S3, as Lethe needs them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

from tests.charts.release import ROOT, Document, rendered


def test_redis_s_memory_is_bounded_below_its_container_s() -> None:
    for name in ("trial", "bundled"):
        release = rendered(name)
        memory = release.pod("redis").containers[0]["resources"]["limits"]["memory"]
        text = release.one("ConfigMap", "-redis")["data"]["redis.conf"]
        (bound,) = (line.split()[1] for line in text.splitlines() if line.startswith("maxmemory "))
        # Rewriting the append-only file may double what is in use.
        assert 2 * _bytes(bound) <= _bytes(memory)


def _bytes(text: str) -> int:
    units = {"mb": 1 << 20, "gb": 1 << 30, "Mi": 1 << 20, "Gi": 1 << 30}
    return int(text[:-2]) * units[text[-2:]]


def test_both_keep_their_data_on_a_volume_that_outlives_the_release() -> None:
    for found in rendered("bundled").of("StatefulSet"):
        (claim,) = found["spec"]["volumeClaimTemplates"]
        (container,) = found["spec"]["template"]["spec"]["containers"]
        assert {"name": claim["metadata"]["name"], "mountPath": "/data"} in container[
            "volumeMounts"
        ]
        kept = found["spec"]["persistentVolumeClaimRetentionPolicy"]
        assert kept == {"whenDeleted": "Retain", "whenScaled": "Retain"}
        assert found["spec"]["replicas"] == 1


def test_the_store_lets_in_whoever_has_the_key_and_opens_its_s3_server_alone(
    tmp_path: Path,
) -> None:
    """The container's own script, up to the server itself."""
    script = rendered("trial").pod("s3").containers[0]["command"][-1]
    weed = tmp_path / "weed"
    weed.write_text('#!/bin/sh\necho "$@"\n')
    weed.chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", "-ceu", script.replace("/run/seaweedfs", str(tmp_path))],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "S3_ACCESS_KEY": "a1", "S3_SECRET_KEY": "s/2+="},
        capture_output=True,
        text=True,
        check=True,
    )
    (identity,) = yaml.safe_load((tmp_path / "s3.json").read_text())["identities"]
    assert identity["credentials"] == [{"accessKey": "a1", "secretKey": "s/2+="}]
    options = dict(part.lstrip("-").partition("=")[::2] for part in done.stdout.split())
    assert options["s3.config"] == str(tmp_path / "s3.json")
    assert (options["ip.bind"], options["s3.ip.bind"]) == ("127.0.0.1", "0.0.0.0")  # noqa: S104


def test_redis_is_set_as_compose_s_is() -> None:
    """Which tests/docker runs: AOF on, and nothing evicted."""
    text = rendered("trial").one("ConfigMap", "-redis")["data"]["redis.conf"]
    assert _steps(text) == _steps((ROOT / "docker" / "redis.conf").read_text())
    assert "maxmemory-policy noeviction" in text.splitlines()
    assert "appendonly yes" in text.splitlines()


def test_compose_and_chart_run_the_same_servers() -> None:
    compose: Document = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())
    for component in ("redis", "s3"):
        container = rendered("trial").pod(component).containers[0]
        service = compose["services"][component]
        image = container["image"].removeprefix("docker.io/").removeprefix("library/")
        assert service["image"].endswith(f":-{image}}}")
        user = rendered("trial").pod(component).spec["securityContext"]
        assert service["user"] == f"{user['runAsUser']}:{user['runAsGroup']}"
        assert _steps(service["command"][0].replace("$$", "$")) == _steps(container["command"][-1])


def _steps(script: str) -> list[str]:
    return " ".join(line for line in script.splitlines() if not line.startswith("#")).split()
