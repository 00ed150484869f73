"""Whatever names another object names one that is there."""

from __future__ import annotations

from tests.charts.release import COMPONENT, Document, Pod, Release, matches, rendered

WORKLOADS = ("Deployment", "StatefulSet")


def pods_of(release: Release, selector: Document) -> list[Pod]:
    return [pod for pod in release.pods() if matches(selector, pod.labels)]


def test_a_workload_selects_its_own_pods_and_no_others(release: Release) -> None:
    for found in release.of(*WORKLOADS):
        selected = pods_of(release, found["spec"]["selector"])
        assert [(pod.kind, pod.name) for pod in selected] == [
            (found["kind"], found["metadata"]["name"])
        ]


def test_a_service_selects_pods_that_have_its_port(release: Release) -> None:
    assert release.of("Service")
    for found in release.of("Service"):
        selected = pods_of(release, {"matchLabels": found["spec"]["selector"]})
        assert len(selected) == 1, found["metadata"]["name"]
        ports = {
            port["name"] for container in selected[0].containers for port in container["ports"]
        }
        assert {port["targetPort"] for port in found["spec"]["ports"]} <= ports


def test_a_stateful_set_s_service_is_there(release: Release) -> None:
    services = {found["metadata"]["name"] for found in release.of("Service")}
    for found in release.of("StatefulSet"):
        assert found["spec"]["serviceName"] in services


def test_a_disruption_budget_keeps_pods_of_one_workload(release: Release) -> None:
    for found in release.of("PodDisruptionBudget"):
        selected = pods_of(release, found["spec"]["selector"])
        assert [pod.name for pod in selected] == [found["metadata"]["name"]]
        assert found["spec"]["maxUnavailable"] == 1


def test_web_and_each_kind_of_worker_have_a_disruption_budget() -> None:
    kept = {found["metadata"]["labels"][COMPONENT] for found in _budgets("external")}
    assert kept == {"web", "worker-cpu", "worker-gpu"}
    assert len(_budgets("without-gpu-workers")) == 2
    assert _budgets("names") == []


def _budgets(name: str) -> list[Document]:
    return rendered(name).of("PodDisruptionBudget")


def test_every_configuration_that_is_named_is_there(release: Release) -> None:
    there = {found["metadata"]["name"] for found in release.of("ConfigMap")}
    for pod in release.pods():
        for container in pod.containers:
            for source in container.get("envFrom", []):
                assert source["configMapRef"]["name"] in there
        for volume in pod.spec.get("volumes", []):
            if "configMap" in volume:
                assert volume["configMap"]["name"] in there


def test_a_change_of_settings_starts_the_pods_anew() -> None:
    for component in ("web", "worker-cpu", "worker-gpu", "beat"):
        before = _checksum(rendered("external"), component)
        assert before == _checksum(rendered("keda"), component)
        assert before != _checksum(rendered("settings"), component)


def _checksum(release: Release, component: str) -> str:
    template = release.pod(component).owner["spec"]["template"]
    return str(template["metadata"]["annotations"]["checksum/settings"])


def test_an_ingress_leads_every_host_to_web() -> None:
    release = rendered("ingress")
    (found,) = release.of("Ingress")
    assert found["spec"]["ingressClassName"] == "traefik"
    assert [rule["host"] for rule in found["spec"]["rules"]] == ["lethe.example.org"]
    assert found["spec"]["tls"] == [{"secretName": "lethe-tls", "hosts": ["lethe.example.org"]}]
    service = release.one("Service", "-web")
    for rule in found["spec"]["rules"]:
        (path,) = rule["http"]["paths"]
        assert path["backend"]["service"]["name"] == service["metadata"]["name"]
        assert path["backend"]["service"]["port"]["name"] == service["spec"]["ports"][0]["name"]


def test_a_route_of_the_gateway_api_leads_to_web() -> None:
    release = rendered("gateway")
    (found,) = release.of("HTTPRoute")
    service = release.one("Service", "-web")
    assert found["spec"]["parentRefs"] == [
        {"name": "public", "namespace": "gateways", "sectionName": "https"}
    ]
    assert found["spec"]["hostnames"] == ["lethe.example.org"]
    (rule,) = found["spec"]["rules"]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/"}}]
    assert rule["backendRefs"] == [
        {"name": service["metadata"]["name"], "port": service["spec"]["ports"][0]["port"]}
    ]


def test_the_test_pod_asks_web_whether_it_is_ready(release: Release) -> None:
    for pod in release.of("Pod"):
        assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
        service = release.one("Service", "-web")
        wanted = (
            f"http://{service['metadata']['name']}:{service['spec']['ports'][0]['port']}/readyz"
        )
        assert pod["spec"]["containers"][0]["command"][-1] == wanted
