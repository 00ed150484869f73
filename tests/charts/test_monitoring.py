"""Prometheus and Grafana find what is there."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.charts.release import CHART, COMPONENT, matches, render, rendered, values_of

RULES = sorted(CHART.glob("files/rules/*.yaml"))
DASHBOARDS = sorted(CHART.glob("files/dashboards/*.json"))


def test_the_service_monitor_reads_web_by_its_service() -> None:
    release = rendered("monitoring")
    (found,) = release.of("ServiceMonitor")
    assert found["metadata"]["labels"]["release"] == "prometheus"
    services = [
        service
        for service in release.of("Service")
        if matches(found["spec"]["selector"], service["metadata"]["labels"])
    ]
    (service,) = services
    assert service["metadata"]["labels"][COMPONENT] == "web"
    (endpoint,) = found["spec"]["endpoints"]
    assert endpoint["path"] == "/metrics"
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}


def test_the_pod_monitor_reads_each_worker_where_it_tells() -> None:
    release = rendered("monitoring")
    (found,) = release.of("PodMonitor")
    read = [pod for pod in release.pods() if matches(found["spec"]["selector"], pod.labels)]
    assert {pod.component for pod in read} == {"worker-cpu", "worker-gpu"}
    (endpoint,) = found["spec"]["podMetricsEndpoints"]
    assert endpoint["interval"] == "15s"
    for pod in read:
        container = pod.containers[0]
        (port,) = (
            port["containerPort"] for port in container["ports"] if port["name"] == endpoint["port"]
        )
        told = {variable["name"]: variable.get("value") for variable in container["env"]}
        assert told["LETHE_METRICS_PORT"] == str(port)


def test_nothing_of_the_operator_s_is_there_unless_it_is_asked_for() -> None:
    kinds = {found["kind"] for found in rendered("external").manifests}
    assert not kinds & {"ServiceMonitor", "PodMonitor", "PrometheusRule"}


@pytest.mark.skipif(not RULES, reason="charts/lethe/files/rules holds no alerts yet")
def test_every_file_of_alerts_is_a_prometheus_rule_with_the_same_alerts() -> None:
    found = rendered("monitoring").of("PrometheusRule")
    written = [yaml.safe_load(path.read_text()) for path in RULES]
    for document in written:
        for group in document["groups"]:
            for rule in group["rules"]:
                if "runbook_url" in rule.get("annotations", {}):
                    path = rule["annotations"]["runbook_url"]
                    rule["annotations"]["runbook_url"] = (
                        f"https://git.example.org/lethe/main/{path}"
                    )
    assert [rule["spec"] for rule in found] == written
    for rule in found:
        assert rule["metadata"]["labels"]["release"] == "prometheus"
        assert all(group["rules"] for group in rule["spec"]["groups"])


@pytest.mark.skipif(not DASHBOARDS, reason="charts/lethe/files/dashboards holds none yet")
def test_every_dashboard_is_a_config_map_that_grafana_s_sidecar_finds() -> None:
    maps = [
        found
        for found in rendered("monitoring").of("ConfigMap")
        if found["metadata"]["labels"].get("grafana_dashboard") == "1"
    ]
    data = {name: text for found in maps for name, text in found["data"].items()}
    assert {name: json.loads(text) for name, text in data.items()} == {
        path.name: json.loads(path.read_text()) for path in DASHBOARDS
    }
    for found in maps:
        assert found["metadata"]["annotations"] == {"grafana_folder": "Lethe"}
        # Kubernetes takes no larger one.
        assert sum(len(text.encode()) for text in found["data"].values()) < 1024 * 1024


def test_links_of_dashboards_lead_to_the_address_that_people_open() -> None:
    address = "https://lethe.example.org"
    values = {**values_of("monitoring"), "settings": {"publicUrl": address}}
    maps = [
        text
        for found in render(values).of("ConfigMap")
        if found["metadata"]["labels"].get("grafana_dashboard") == "1"
        for text in found["data"].values()
    ]
    assert len(maps) == len(DASHBOARDS)
    for text in maps:
        assert "localhost" not in text
        assert f'"{address}"' in text
        json.loads(text)
