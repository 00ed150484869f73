"""The chart as the real Helm engine renders it, and questions about what comes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import helm_python as helm
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "lethe"
NAMESPACE = "privacy"
COMPONENT = "app.kubernetes.io/component"

Document = dict[str, Any]


@dataclass(frozen=True)
class Pod:
    """A pod, or what pods are made of."""

    kind: str
    name: str
    labels: Mapping[str, str]
    spec: Document
    owner: Document

    @property
    def component(self) -> str:
        return self.labels[COMPONENT]

    @property
    def containers(self) -> list[Document]:
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    @property
    def long_running(self) -> bool:
        return self.kind in {"Deployment", "StatefulSet"}


@dataclass(frozen=True)
class Release:
    values: Document
    texts: Mapping[str, str]
    manifests: tuple[Document, ...] = field(repr=False)

    def of(self, *kinds: str) -> list[Document]:
        return [found for found in self.manifests if found["kind"] in kinds]

    def one(self, kind: str, end: str) -> Document:
        """The one of its kind whose name ends so."""
        (found,) = (found for found in self.of(kind) if found["metadata"]["name"].endswith(end))
        return found

    def pods(self) -> list[Pod]:
        return list(_pods(self.manifests))

    def pod(self, component: str) -> Pod:
        (found,) = (pod for pod in self.pods() if pod.component == component)
        return found


def _pods(manifests: tuple[Document, ...]) -> Iterator[Pod]:
    for found in manifests:
        name = found["metadata"]["name"]
        if found["kind"] == "Pod":
            yield Pod("Pod", name, found["metadata"]["labels"], found["spec"], found)
        elif found["kind"] in {"Deployment", "StatefulSet", "Job", "CronJob"}:
            spec = found["spec"]
            template = spec.get("jobTemplate", {"spec": spec})["spec"]["template"]
            yield Pod(found["kind"], name, template["metadata"]["labels"], template["spec"], found)


@cache
def chart() -> helm.Chart:
    return helm.Chart.load(CHART)


def render(values: Document, name: str = "lethe") -> Release:
    texts = chart().render(values, name=name, namespace=NAMESPACE)
    manifests = tuple(
        document
        for path, text in sorted(texts.items())
        if path.endswith(".yaml")
        for document in yaml.load_all(text, yaml.CSafeLoader)
        if document
    )
    return Release(values, texts, manifests)


# One small values file for each feature.
NAMES = sorted(path.name.removesuffix("-values.yaml") for path in CHART.glob("ci/*-values.yaml"))


@cache
def values_of(name: str) -> Document:
    return dict(yaml.safe_load((CHART / "ci" / f"{name}-values.yaml").read_text()))


@cache
def rendered(name: str) -> Release:
    return render(values_of(name))


def matches(selector: Document, labels: Mapping[str, str]) -> bool:
    """A Kubernetes label selector; an empty one takes all."""
    for wanted in selector.get("matchExpressions", []):
        assert wanted["operator"] == "In"
        if labels.get(wanted["key"]) not in wanted["values"]:
            return False
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


def environment(
    release: Release, container: Document, entries: Mapping[str, str]
) -> dict[str, str]:
    """The variables that a container starts with; ``entries`` are those of Secrets, by key."""
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        name = source["configMapRef"]["name"]
        (config,) = (map_ for map_ in release.of("ConfigMap") if map_["metadata"]["name"] == name)
        found |= config["data"]
    for variable in container.get("env", []):
        if "value" in variable:
            text = str(variable["value"])
            for name, value in found.items():
                text = text.replace(f"$({name})", value)
            found[variable["name"]] = text
        else:
            found[variable["name"]] = entries[variable["valueFrom"]["secretKeyRef"]["key"]]
    return found
