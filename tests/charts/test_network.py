"""Who may talk to whom: nobody, but as written here."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

from tests.charts.release import NAMESPACE, Document, Pod, Release, matches, rendered

LETHE = (
    "web",
    "worker-cpu",
    "worker-gpu",
    "beat",
    "job-rebuild",
    "job-verify",
    "job-first-admin",
    "test",
)
SERVED = {"web": 8080, "worker-cpu": 9464, "worker-gpu": 9464, "redis": 6379, "s3": 8333}
ALLOWED = {
    ("test", "web"),
    *product(("web", "worker-cpu", "worker-gpu", "beat"), ("redis",)),
    *product(("web", "worker-cpu", "worker-gpu"), ("s3",)),
    *product(("job-rebuild", "job-verify", "job-first-admin"), ("redis", "s3")),
}


def policies(release: Release, labels: Mapping[str, str]) -> list[Document]:
    return [
        found
        for found in release.of("NetworkPolicy")
        if matches(found["spec"]["podSelector"], labels)
    ]


def rules(release: Release, pod: Pod, direction: str) -> list[Document]:
    """What its policies let in (``ingress``) or out (``egress``), all of them together."""
    return [
        rule for found in policies(release, pod.labels) for rule in found["spec"].get(direction, [])
    ]


def has_port(rule: Document, port: int) -> bool:
    return any(entry["port"] == port for entry in rule["ports"])


def names(peers: list[Document], pod: Pod) -> bool:
    """Whether one of the peers is a pod of this release; no peers are everybody."""
    if not peers:
        return True
    return any(
        "podSelector" in peer
        and "namespaceSelector" not in peer
        and matches(peer["podSelector"], pod.labels)
        for peer in peers
    )


def may_talk(release: Release, source: Pod, target: Pod, port: int) -> bool:
    out = any(
        has_port(rule, port) and names(rule.get("to", []), target)
        for rule in rules(release, source, "egress")
    )
    into = any(
        has_port(rule, port) and names(rule.get("from", []), source)
        for rule in rules(release, target, "ingress")
    )
    return out and into


def outward(release: Release, component: str) -> dict[int, list[Document]]:
    """Ports that a part may reach, and where."""
    return {
        entry["port"]: rule.get("to", [])
        for rule in rules(release, release.pod(component), "egress")
        for entry in rule["ports"]
    }


def test_every_pod_is_denied_everything_but_what_its_own_policy_allows(release: Release) -> None:
    if release.values.get("networkPolicy", {}).get("enabled") is False:
        assert release.of("NetworkPolicy") == []
        return
    for pod in release.pods():
        found = policies(release, pod.labels)
        assert len(found) == 2, pod.name
        for policy in found:
            assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
        (deny,) = (policy for policy in found if policy["metadata"]["name"].endswith("-deny-all"))
        assert not {"ingress", "egress"} & set(deny["spec"])


def test_inside_the_release_parts_talk_as_the_table_says_and_no_others() -> None:
    release = rendered("trial")
    pods = {pod.component: pod for pod in release.pods()}
    assert set(pods) == {*LETHE, "redis", "s3"}
    talking = {
        (source, target)
        for source, target in product(pods, SERVED)
        if source != target and may_talk(release, pods[source], pods[target], SERVED[target])
    }
    assert talking == ALLOWED


def test_nobody_outside_reaches_a_pod_unless_named(release: Release) -> None:
    for pod in release.pods():
        for rule in rules(release, pod, "ingress"):
            assert rule["from"], pod.name  # an empty list would be everybody


def test_the_pages_are_reached_by_whom_the_values_name() -> None:
    release = rendered("ingress")
    wanted = release.values["networkPolicy"]["webFrom"]
    web = rules(release, release.pod("web"), "ingress")
    assert [rule["from"] for rule in web if rule["from"] == wanted] == [wanted]
    for component in ("worker-cpu", "worker-gpu", "beat"):
        assert rules(release, release.pod(component), "ingress") == []


def test_prometheus_reads_web_and_workers_and_nothing_else() -> None:
    release = rendered("monitoring")
    peers = release.values["networkPolicy"]["prometheusFrom"]
    for pod in release.pods():
        let_in = [
            entry["port"]
            for rule in rules(release, pod, "ingress")
            if rule["from"] == peers
            for entry in rule["ports"]
        ]
        assert let_in == ([SERVED[pod.component]] if pod.component in SERVED else [])


def test_keda_asks_the_bundled_redis_and_is_let_in_only_where_it_scales() -> None:
    keda = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "keda"}}}]
    for name, let_in in (("keda-bundled", True), ("bundled", False)):
        release = rendered(name)
        found = rules(release, release.pod("redis"), "ingress")
        assert any(rule["from"] == keda for rule in found) == let_in


def test_servers_of_one_s_own_are_reached_on_their_ports_and_where_they_are() -> None:
    release = rendered("redis-tls")
    given = release.values["networkPolicy"]
    out = outward(release, "worker-gpu")
    assert out[6380] == given["redisTo"]
    assert out[9000] == given["s3To"]
    assert set(out) == {53, 6380, 9000}
    assert set(outward(rendered("external"), "web")) == {53, 6379, 443}


def test_the_clock_reaches_redis_and_not_the_store() -> None:
    assert set(outward(rendered("external"), "beat")) == {53, 6379}


def test_only_web_reaches_the_openid_provider() -> None:
    release = rendered("oidc")
    assert outward(release, "web")[8443] == release.values["networkPolicy"]["oidcTo"]
    for component in ("worker-cpu", "worker-gpu", "beat"):
        assert 8443 not in outward(release, component)


def test_only_cpu_workers_reach_the_receiver_of_webhooks() -> None:
    release = rendered("webhook")
    peers = release.values["networkPolicy"]["webhookTo"]
    for pod in release.pods():
        reached = any(rule.get("to") == peers for rule in rules(release, pod, "egress"))
        assert reached == (pod.component == "worker-cpu")


def test_traces_leave_web_and_workers() -> None:
    release = rendered("tracing")
    peers = release.values["networkPolicy"]["tracesTo"]
    for component in ("web", "worker-cpu", "worker-gpu"):
        assert outward(release, component)[4318] == peers
    assert 4318 not in outward(release, "beat")


def test_names_are_looked_up_in_the_cluster_s_own_namespace() -> None:
    assert NAMESPACE != "kube-system"
    (peer,) = outward(rendered("external"), "web")[53]
    assert peer["namespaceSelector"]["matchLabels"] == {
        "kubernetes.io/metadata.name": "kube-system"
    }
