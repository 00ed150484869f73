"""What the chart renders is what Kubernetes takes."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache

import helm_python as helm
import kubernetes_validate
import pytest

from tests.charts.release import CHART, NAMES, NAMESPACE, Document, Release, render, rendered
from tests.charts.release import values_of as values

NEWEST = sorted(
    {
        tuple(int(part) for part in version.split(".")[:2])
        for version in kubernetes_validate.utils.all_versions()
    }
)[-3:]
# Kinds that others bring; their fields are asserted in the tests of what they do.
CUSTOM = {
    "keda.sh/v1alpha1",
    "monitoring.coreos.com/v1",
    "gateway.networking.k8s.io/v1",
}


@cache
def distinct() -> tuple[str, ...]:
    """Every manifest of every values file, each once."""
    found = (
        json.dumps(manifest, sort_keys=True)
        for name in NAMES
        for manifest in rendered(name).manifests
    )
    return tuple(dict.fromkeys(found))


@pytest.fixture
def read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """kubernetes-validate reads its megabytes of definitions anew for each manifest."""
    utils = kubernetes_validate.utils
    monkeypatch.setattr(utils, "schema_contents", cache(utils.schema_contents))
    monkeypatch.setattr(utils, "all_versions", cache(utils.all_versions))


@pytest.mark.parametrize("version", [".".join(map(str, version)) for version in NEWEST])
@pytest.mark.usefixtures("read_once")
def test_every_manifest_is_valid_for_the_newest_kubernetes(version: str) -> None:
    checked = 0
    for text in distinct():
        manifest = json.loads(text)
        if manifest["apiVersion"] not in CUSTOM:
            kubernetes_validate.validate(manifest, version, strict=True)
            checked += 1
    assert checked > 50


def test_a_field_that_kubernetes_does_not_know_would_be_seen() -> None:
    wrong = json.loads(json.dumps(rendered("external").one("Deployment", "-web")))
    wrong["spec"]["template"]["spec"]["containers"][0]["livenessprobe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, ".".join(map(str, NEWEST[-1])), strict=True)


def test_names_are_used_once_and_in_the_release_s_namespace(release: Release) -> None:
    counted = Counter((found["kind"], found["metadata"]["name"]) for found in release.manifests)
    assert [key for key, count in counted.items() if count > 1] == []
    assert {found["metadata"]["namespace"] for found in release.manifests} == {NAMESPACE}


def test_a_release_of_the_longest_name_has_names_that_kubernetes_takes() -> None:
    long = render(values("trial") | {"monitoring": {"dashboards": {"enabled": True}}}, "r" * 53)
    # A StatefulSet's pods and a Deployment's get a suffix of up to 17 characters.
    assert max(len(found["metadata"]["name"]) for found in long.manifests) <= 63
    assert max(len(found["metadata"]["name"]) for found in long.of("StatefulSet")) <= 46
    for found in long.manifests:
        assert all(len(str(value)) <= 63 for value in found["metadata"]["labels"].values())


def test_helm_lint_has_nothing_to_say_but_that_there_is_no_icon() -> None:
    for name in ("external", "trial", "monitoring"):
        report = helm.lint(CHART, values(name), strict=True)
        assert report["errors"] == [], name
        assert {said["error"] for said in report["messages"]} <= {"icon is recommended"}, name


def test_every_object_bears_the_labels_and_annotations_that_are_asked_for() -> None:
    for found in rendered("images").manifests:
        assert found["metadata"]["labels"]["team"] == "privacy"
        assert found["metadata"]["annotations"]["contact"] == "privacy@example.org"


IMPOSSIBLE: list[tuple[Document, str]] = [
    ({"secretKey": {"existingSecret": ""}}, "secretKey.existingSecret: name a Secret"),
    ({"signingKey": {"existingSecret": ""}}, "signingKey.existingSecret: name a Secret"),
    ({"redis": {"existingSecret": ""}}, "redis.existingSecret: name a Secret"),
    ({"redis": {"host": ""}}, "redis: set redis.host or redis.bundled.enabled"),
    ({"redis": {"bundled": {"enabled": True}}}, "redis: set redis.host or redis.bundled.enabled"),
    ({"s3": {"endpoint": ""}}, "s3: set s3.endpoint or s3.bundled.enabled"),
    ({"s3": {"bundled": {"enabled": True}}}, "s3: set s3.endpoint or s3.bundled.enabled"),
    ({"trial": {"createSecret": True}}, "trial.redisPassword: is empty; there is no default"),
    ({"ingress": {"enabled": True, "hosts": ["a.example"]}}, "networkPolicy.webFrom: name"),
    ({"ingress": {"enabled": True}}, "ingress.hosts: name one host or more"),
    ({"httpRoute": {"enabled": True}}, "httpRoute.parentRefs: name the Gateway"),
    ({"httpRoute": {"enabled": True}}, "settings.publicUrl: set the address that people open"),
    ({"monitoring": {"podMonitor": {"enabled": True}}}, "networkPolicy.prometheusFrom: name"),
    ({"oidc": {"issuer": "https://id.example"}}, "oidc.issuer: needs oidc.clientId"),
    (
        {"policyFile": "[policy]", "settings": {"policy": "strict"}},
        "policyFile: settings.policy names another policy",
    ),
    ({"web": {"drainSeconds": 60}}, "web.terminationGracePeriodSeconds: must be above"),
    (
        {"workers": {"gpu": {"autoscaling": {"kind": "keda", "minReplicas": 9}}}},
        "workers.gpu.autoscaling: minReplicas is above maxReplicas",
    ),
]


@pytest.mark.parametrize(("change", "problem"), IMPOSSIBLE)
def test_values_that_cannot_work_are_refused_with_what_to_do(
    change: Document, problem: str
) -> None:
    given = dict(values("external"))
    for key, value in change.items():
        given[key] = {**given.get(key, {}), **value} if isinstance(value, dict) else value
    with pytest.raises(helm.HelmRenderError, match="The values cannot work") as refused:
        render(given)
    assert problem in str(refused.value)


def test_all_that_is_missing_is_said_at_once() -> None:
    with pytest.raises(helm.HelmRenderError) as refused:
        render({})
    for part in ("secretKey", "signingKey", "redis.existingSecret", "redis.host", "s3.endpoint"):
        assert part in str(refused.value)
