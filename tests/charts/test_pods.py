"""What runs, as whom, with what, and how it ends."""

from __future__ import annotations

import ast
import re

import pytest

from storage import queue
from tests.charts.release import NAMES, ROOT, Pod, Release, rendered

GPU = re.compile(r"nvidia\.com/")
WORKERS = ("worker-cpu", "worker-gpu")
# Volumes that restricted Pod Security lets a pod have.
RESTRICTED = {"configMap", "emptyDir", "secret", "persistentVolumeClaim", "projected", "ephemeral"}


def soft_shutdown_seconds() -> int:
    for node in ast.parse((ROOT / "workers" / "app.py").read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "SOFT_SHUTDOWN_SECONDS":
            return int(ast.literal_eval(node.value))
    raise LookupError("workers/app.py sets no SOFT_SHUTDOWN_SECONDS")


def test_no_container_runs_as_root_or_gains_a_right(release: Release) -> None:
    assert release.pods()
    for pod in release.pods():
        security = pod.spec["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] > 0
        assert security["runAsGroup"] > 0
        assert security["fsGroup"] > 0  # else nobody could write to a volume
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod.spec)
        for container in pod.containers:
            assert container["securityContext"] == {
                "runAsNonRoot": True,
                "privileged": False,
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
                "seccompProfile": {"type": "RuntimeDefault"},
            }
            assert not any("hostPort" in port for port in container.get("ports", []))


def test_the_user_of_the_pods_is_the_images_own() -> None:
    (uid,) = set(re.findall(r"--uid (\d+)", (ROOT / "docker" / "Dockerfile").read_text()))
    for name in NAMES:
        for pod in rendered(name).pods():
            if pod.component not in {"redis", "s3"}:
                assert pod.spec["securityContext"]["runAsUser"] == int(uid)


def test_pods_have_no_token_of_the_cluster_and_no_variables_of_its_services(
    release: Release,
) -> None:
    for pod in release.pods():
        assert pod.spec["automountServiceAccountToken"] is False
        assert pod.spec["enableServiceLinks"] is False
    for account in release.of("ServiceAccount"):
        assert account["automountServiceAccountToken"] is False


def test_pods_run_under_the_release_s_account_or_the_one_that_is_named(release: Release) -> None:
    made = {account["metadata"]["name"] for account in release.of("ServiceAccount")}
    named = release.values.get("serviceAccount", {}).get("name")
    assert {pod.spec["serviceAccountName"] for pod in release.pods()} == (made or {named})


def test_every_folder_that_is_mounted_is_a_volume_and_none_is_left_over(release: Release) -> None:
    for pod in release.pods():
        volumes = {volume["name"] for volume in pod.spec.get("volumes", [])}
        volumes |= {
            claim["metadata"]["name"] for claim in pod.owner["spec"].get("volumeClaimTemplates", [])
        }
        mounted = {
            mount["name"]
            for container in pod.containers
            for mount in container.get("volumeMounts", [])
        }
        assert mounted == volumes, pod.name
        for volume in pod.spec.get("volumes", []):
            assert set(volume) - {"name"} <= RESTRICTED
            assert volume.get("emptyDir", {}).get("sizeLimit", "set")


def test_lethe_can_write_to_tmp_and_to_the_folder_of_its_counters(release: Release) -> None:
    for pod in release.pods():
        if pod.component in {"redis", "s3", "test"}:
            continue
        kinds = {volume["name"]: set(volume) for volume in pod.spec["volumes"]}
        written = {mount["mountPath"]: mount for mount in pod.containers[0]["volumeMounts"]}
        wanted = {"/tmp", "/run/lethe/metrics"}  # noqa: S108 - a container's own
        wanted |= {"/var/cache/lethe"} if pod.component in WORKERS else set()
        for path in wanted:
            assert not written[path].get("readOnly")
            assert "emptyDir" in kinds[written[path]["name"]]


def test_every_container_says_what_it_needs_and_how_much_memory_it_may_have(
    release: Release,
) -> None:
    for pod in release.pods():
        for container in pod.containers:
            assert {"cpu", "memory"} <= set(container["resources"]["requests"])
            assert "memory" in container["resources"]["limits"]


def test_every_image_has_a_tag_or_a_digest(release: Release) -> None:
    for pod in release.pods():
        for container in pod.containers:
            image = container["image"]
            assert re.search(r"(@sha256:[0-9a-f]{64}|:[-._a-zA-Z0-9]+)$", image), image
            assert not image.endswith(":latest")


def test_images_come_from_the_registry_and_by_the_digest_that_are_given() -> None:
    images = {
        pod.component: pod.containers[0]["image"].removeprefix("registry.example.org/privacy/")
        for pod in rendered("images").pods()
    }
    assert images["web"] == "lethe-web@sha256:" + "2".zfill(64)
    assert images["worker-cpu"] == images["beat"] == "lethe/worker:2026-11"
    assert images["worker-gpu"] == "lethe-worker-gpu:0.1.0"
    for pod in rendered("images").pods():
        assert pod.spec["imagePullSecrets"] == [{"name": "registry"}]


def test_whatever_runs_for_long_is_asked_whether_it_is_alive(release: Release) -> None:
    for pod in release.pods():
        if pod.long_running:
            for container in pod.containers:
                assert {"startupProbe", "livenessProbe"} <= set(container), pod.name
                if pod.component != "beat":  # nobody waits for the clock
                    assert "readinessProbe" in container


def test_a_gpu_worker_asks_once_for_a_gpu_and_nobody_else_for_any(release: Release) -> None:
    given = release.values.get("workers", {}).get("gpu", {})
    count, on_cpu = given.get("gpus", 1), given.get("onCpu", False)
    for pod in release.pods():
        asked = [
            (kind, asked_for)
            for container in pod.containers
            for kind, resources in container["resources"].items()
            for resource, asked_for in resources.items()
            if GPU.match(resource)
        ]
        erases = pod.component == "worker-gpu" and not on_cpu
        assert sorted(asked) == ([("limits", count), ("requests", count)] if erases else [])


def test_a_pod_has_one_gpu_unless_several_are_to_train_together() -> None:
    usual, several = (
        rendered(name).pod("worker-gpu").containers[0] for name in ("external", "several-gpus")
    )
    assert usual["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert "LETHE_TRAIN_GPUS" not in {variable["name"] for variable in usual["env"]}
    assert several["resources"]["limits"]["nvidia.com/gpu"] == 4
    assert {"name": "LETHE_TRAIN_GPUS", "value": "4"} in several["env"]
    assert {"name": "shared-memory", "mountPath": "/dev/shm"} in several["volumeMounts"]  # noqa: S108


def test_erasures_on_cpus_take_the_image_without_cuda() -> None:
    image = rendered("on-cpu").pod("worker-gpu").containers[0]["image"]
    assert image == rendered("on-cpu").pod("worker-cpu").containers[0]["image"]
    assert rendered("external").pod("worker-gpu").containers[0]["image"] != image


def test_gpu_workers_go_where_the_gpus_are() -> None:
    spec = rendered("gpu-nodes").pod("worker-gpu").spec
    assert spec["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}
    assert spec["runtimeClassName"] == "nvidia"
    assert [taint["key"] for taint in spec["tolerations"]] == ["gpu"]
    usual = rendered("external").pod("worker-gpu").spec["tolerations"]
    assert usual == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]


def test_a_worker_has_longer_to_end_than_the_soft_shutdown_takes(release: Release) -> None:
    for pod in release.pods():
        if pod.component in WORKERS:
            left = pod.spec["terminationGracePeriodSeconds"] - drain_seconds(pod)
            assert left > soft_shutdown_seconds(), pod.name


def drain_seconds(pod: Pod) -> int:
    """How long its pre-stop hook takes at most."""
    hook = pod.containers[0].get("lifecycle", {}).get("preStop")
    if hook is None:
        return 0
    (seconds,) = re.findall(r"date \+%s\) \+ (\d+)", hook["exec"]["command"][-1])
    return int(seconds)


def test_a_gpu_worker_that_ends_takes_no_more_and_lets_its_run_go_on() -> None:
    pod = rendered("external").pod("worker-gpu")
    assert drain_seconds(pod) == 300
    script = pod.containers[0]["lifecycle"]["preStop"]["exec"]["command"][-1]
    assert f"control cancel_consumer {queue.GPU}" in script
    assert drain_seconds(rendered("gpu-nodes").pod("worker-gpu")) == 0


@pytest.mark.parametrize("name", [queue.CPU, queue.GPU])
def test_each_worker_takes_from_its_queue_one_task_at_a_time(name: str) -> None:
    container = rendered("external").pod(f"worker-{name}").containers[0]
    assert container["command"] == ["celery", "--app=workers.app", "worker"]
    assert f"--queues={name}" in container["args"]
    assert "--concurrency=1" in container["args"]  # CUDA does not survive a fork
    # The worker goes by the name that the probes and the hook ask for.
    assert f"--hostname={name}@%h" in container["args"]
    assert container["readinessProbe"]["exec"]["command"] == ["lethe-probe", "worker", name]
    assert f'--destination="{name}@$HOSTNAME"' in container["livenessProbe"]["exec"]["command"][-1]


def test_there_is_one_clock_and_the_old_one_ends_before_the_new_one_starts(
    release: Release,
) -> None:
    beat = release.pod("beat").owner
    assert beat["spec"]["replicas"] == (0 if release.values.get("stopped") else 1)
    assert beat["spec"]["strategy"] == {"type": "Recreate"}
    for scaler in release.of("HorizontalPodAutoscaler", "ScaledObject"):
        assert scaler["spec"]["scaleTargetRef"]["name"] != beat["metadata"]["name"]


def test_web_runs_under_the_configuration_that_hangs_up_on_the_silent() -> None:
    container = rendered("external").pod("web").containers[0]
    assert container["command"] == ["gunicorn", "web.app:create_app()"]
    assert "--config=python:web.listener" in container["args"]
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    # It serves on until every proxy has heard that it ends.
    assert container["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "10"]


def test_pods_are_spread_over_nodes_and_zones() -> None:
    for component in ("web", *WORKERS):
        pod = rendered("external").pod(component)
        spread = pod.spec["topologySpreadConstraints"]
        assert [rule["topologyKey"] for rule in spread] == [
            "kubernetes.io/hostname",
            "topology.kubernetes.io/zone",
        ]
        for rule in spread:
            assert rule["labelSelector"]["matchLabels"].items() <= dict(pod.labels).items()
    assert "topologySpreadConstraints" not in rendered("names").pod("web").spec


def test_stopped_nothing_of_lethe_s_own_runs_or_is_started() -> None:
    stopped = rendered("stopped")
    assert stopped.of("Deployment")
    assert {found["spec"]["replicas"] for found in stopped.of("Deployment")} == {0}
    assert stopped.of("Job", "Pod", "ScaledObject", "HorizontalPodAutoscaler") == []
