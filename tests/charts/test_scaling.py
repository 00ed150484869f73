"""Workers come when there is work, stay while they do it, and go when there is none."""

from __future__ import annotations

import re
from typing import Any

import pytest
from redis import Redis

from storage import keys, queue
from storage.queue import Queue
from storage.settings import Settings
from storage.tickets.states import State
from tests.charts.release import Document, Release, rendered

# As KEDA's redis scaler asks for a key's length, whatever kind of key it is.
LENGTH = """
local kind = redis.call('type', KEYS[1]).ok
local ask = {zset = 'zcard', set = 'scard', list = 'llen', hash = 'hlen', none = 'llen'}
return redis.call(ask[kind], KEYS[1])
"""


def scaled(release: Release, queue_name: str) -> Document:
    return dict(release.one("ScaledObject", f"-worker-{queue_name}")["spec"])


def triggers(spec: Document) -> dict[str, Document]:
    return {trigger["name"]: trigger["metadata"] for trigger in spec["triggers"]}


def pods_wanted(formula: str, lengths: dict[str, float]) -> float:
    """What KEDA's expression says, whose ``condition ? a : b`` Python writes another way."""
    python = re.sub(r"\((.+) \? (\w+) : (\w+)\)", r"(\2 if \1 else \3)", formula)
    return float(eval(python, {"__builtins__": {}}, lengths))  # noqa: S307 - the chart's own


IDLE = dict.fromkeys(("waiting", "taken", "queued", "unlearning", "certifying", "publishing"), 0)


@pytest.mark.parametrize(
    ("state", "pods"),
    [
        ({}, 0),
        ({"waiting": 1, "queued": 1}, 1),  # a ticket came
        ({"taken": 1, "unlearning": 16}, 1),  # one run forgets sixteen people: one pod works
        ({"taken": 1, "certifying": 1}, 1),  # the list is empty, the run goes on
        ({"waiting": 2, "taken": 1, "queued": 3, "unlearning": 1}, 3),
        ({"taken": 1}, 0),  # a cpu worker prepares photos: no GPU is needed yet
        ({"queued": 1}, 0),  # it rests after a failure; the sweep sends it again
    ],
)
def test_gpu_workers_are_as_many_as_runs_wait_and_go_on(
    state: dict[str, float], pods: float
) -> None:
    modifiers = scaled(rendered("keda"), queue.GPU)["advanced"]["scalingModifiers"]
    assert modifiers["target"] == "1"
    assert modifiers["activationTarget"] == "0"
    assert pods_wanted(modifiers["formula"], IDLE | state) == pods


def test_gpu_workers_come_from_zero_and_go_to_zero() -> None:
    spec = scaled(rendered("keda"), queue.GPU)
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (0, 8)
    assert spec["fallback"]["replicas"] == 1  # while Redis cannot be asked
    assert scaled(rendered("keda"), queue.CPU)["minReplicaCount"] == 1  # who else would sweep?


def test_keda_looks_at_the_keys_that_lethe_writes() -> None:
    found = {
        name: meta["listName"] for name, meta in triggers(scaled(rendered("keda"), "gpu")).items()
    }
    states = (State.QUEUED, State.UNLEARNING, State.CERTIFYING, State.PUBLISHING)
    assert found == {
        "waiting": queue.GPU,
        "taken": "unacked",  # of kombu's Redis transport: delivered and not confirmed
        **{str(state): keys.listing(None, state) for state in states},
    }
    assert triggers(scaled(rendered("keda"), "cpu"))["waiting"]["listName"] == queue.CPU


def test_a_task_that_is_sent_to_a_real_redis_brings_a_gpu_worker(settings: Settings) -> None:
    redis = Redis.from_url(settings.redis_url)
    spec = scaled(rendered("keda"), queue.GPU)

    def wanted() -> float:
        lengths: dict[str, Any] = {
            name: redis.eval(LENGTH, 1, meta["listName"]) for name, meta in triggers(spec).items()
        }
        return pods_wanted(spec["advanced"]["scalingModifiers"]["formula"], lengths)

    assert wanted() == 0
    assert Queue(settings).erase("door-cameras")
    assert wanted() == 1


def test_a_task_that_a_worker_took_is_counted_until_it_is_confirmed(settings: Settings) -> None:
    assert Queue(settings).erase("door-cameras")
    redis = Redis.from_url(settings.redis_url)
    with queue.make_app(settings).connection_for_read() as connection:
        taken = connection.SimpleQueue(queue.GPU).get(timeout=5)
        assert (redis.llen(queue.GPU), redis.eval(LENGTH, 1, "unacked")) == (0, 1)
        taken.ack()
        assert redis.eval(LENGTH, 1, "unacked") == 0


def test_keda_reads_redis_s_password_from_the_secret_and_the_rest_from_its_address() -> None:
    release = rendered("redis-tls")
    (authentication,) = release.of("TriggerAuthentication")
    assert authentication["spec"]["secretTargetRef"] == [
        {"parameter": "password", "name": "lethe-redis", "key": "redis-password"}
    ]
    spec = scaled(release, queue.GPU)
    names = {trigger["authenticationRef"]["name"] for trigger in spec["triggers"]}
    assert names == {authentication["metadata"]["name"]}
    environment = {
        variable["name"]: variable.get("value")
        for variable in release.pod("worker-gpu").containers[0]["env"]
    }
    for metadata in triggers(spec).values():
        assert metadata["address"] == "redis.example.org:6380"
        assert (metadata["enableTLS"], metadata["databaseIndex"]) == ("true", "2")
        assert environment[metadata["usernameFromEnv"]] == "lethe"
    bundled = triggers(scaled(rendered("keda-bundled"), queue.GPU))["waiting"]
    assert bundled["address"] == "lethe-redis.privacy.svc:6379"  # asked from another namespace


def test_without_keda_an_autoscaler_of_kubernetes_looks_at_the_queue_s_metric() -> None:
    release = rendered("hpa")
    assert release.of("ScaledObject", "TriggerAuthentication") == []
    gpu = release.one("HorizontalPodAutoscaler", "-worker-gpu")["spec"]
    assert (gpu["minReplicas"], gpu["maxReplicas"]) == (1, 3)  # zero is KEDA's alone
    (metric,) = gpu["metrics"]
    assert metric["external"]["metric"] == {
        "name": "lethe_queue_depth",
        "selector": {"matchLabels": {"queue": queue.GPU}},
    }
    web = release.one("HorizontalPodAutoscaler", "-web")["spec"]
    assert (web["minReplicas"], web["maxReplicas"]) == (3, 9)


def test_what_is_scaled_has_no_number_of_its_own_and_is_there(release: Release) -> None:
    deployments = {found["metadata"]["name"]: found for found in release.of("Deployment")}
    targets = [
        found["spec"]["scaleTargetRef"]["name"]
        for found in release.of("ScaledObject", "HorizontalPodAutoscaler")
    ]
    assert len(targets) == len(set(targets))
    for name, deployment in deployments.items():
        assert ("replicas" not in deployment["spec"]) == (name in targets)
    assert set(targets) <= set(deployments)
