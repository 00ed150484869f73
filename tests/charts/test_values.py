"""Every value is explained, has a kind, and is tried; nothing else is taken."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from typing import Any

import helm_python as helm
import pytest
import yaml

from tests.charts.release import CHART, NAMES, ROOT, Document, chart, rendered, values_of

SCHEMA: Document = json.loads((CHART / "values.schema.json").read_text())
TEXT = (CHART / "values.yaml").read_text()
VALUES: Document = yaml.safe_load(TEXT)


def sections(schema: Document = SCHEMA, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of what holds other values."""
    if "properties" in schema:
        yield path
        for key, inner in schema["properties"].items():
            yield from sections(inner, (*path, key))


def at(values: Document, path: tuple[str, ...]) -> Any:
    for key in path:
        values = values[key]
    return values


def schema_at(path: tuple[str, ...]) -> Document:
    found = SCHEMA
    for key in path:
        found = found["properties"][key]
    return found


def test_values_and_schema_have_the_same_keys() -> None:
    for path in sections():
        assert set(at(VALUES, path)) == set(schema_at(path)["properties"]), path


def test_every_section_of_the_schema_refuses_keys_that_it_does_not_know() -> None:
    known = values_of("external")
    paths = list(sections())
    assert len(paths) > 40
    for path in paths:
        assert schema_at(path)["additionalProperties"] is False, path
        wrong: Document = {"unheardOf": 1}
        for key in reversed(path):
            wrong = {key: wrong}
        with pytest.raises(helm.HelmValuesError, match="unheardOf"):
            chart().validate_schema({**known, **wrong})


@pytest.mark.parametrize(
    "wrong",
    [
        {"web": {"replicas": "two"}},
        {"web": {"replicas": 0}},
        {"images": {"web": {"digest": "sha256:abc"}}},
        {"images": {"pullPolicy": "Sometimes"}},
        {"workers": {"gpu": {"autoscaling": {"kind": "knative"}}}},
        {"workers": {"gpu": {"shutdownSeconds": 20}}},
        {"settings": {"publicUrl": "https://example.org/lethe"}},
        {"settings": {"retentionDays": "always"}},
        {"s3": {"endpoint": "s3.example.org"}},
        {"trial": {"secretKey": "short"}},
        {"trial": {"redisPassword": "a@b"}},
        {"oidc": {"roles": [{"claim": "staff", "role": "owner"}]}},
        {"ingress": {"hosts": "lethe.example.org"}},
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(wrong: Document) -> None:
    with pytest.raises(helm.HelmValuesError):
        chart().validate_schema({**values_of("external"), **wrong})


def keys(
    node: yaml.MappingNode, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], int]]:
    """Path and line of every value; what Kubernetes writes its own way is one value."""
    for key, value in node.value:
        here = (*path, key.value)
        if isinstance(value, yaml.MappingNode) and "properties" in schema_at(here):
            yield from keys(value, here)
        else:
            yield here, key.start_mark.line


def test_every_value_is_explained_above_it() -> None:
    lines = TEXT.splitlines()
    found = list(keys(yaml.compose(TEXT)))
    assert len(found) > 200
    for path, line in found:
        above = line - 1
        while lines[above].strip().startswith("# ") and "# -- " not in lines[above]:
            above -= 1
        assert lines[above].strip().startswith("# -- "), ".".join(path)


def test_every_switch_is_switched_by_a_values_file_of_its_own() -> None:
    used = {path: {at_or_none(values_of(name), path) for name in NAMES} for path in switches()}
    assert len(used) > 12
    for path, found in used.items():
        assert (not at(VALUES, path)) in found, ".".join(path)


def switches() -> list[tuple[str, ...]]:
    return [path for path, _ in keys(yaml.compose(TEXT)) if isinstance(at(VALUES, path), bool)]


def at_or_none(values: Document, path: tuple[str, ...]) -> Any:
    try:
        return at(values, path)
    except (KeyError, TypeError):
        return None


def test_every_values_file_says_what_it_is_for_and_takes_the_schema() -> None:
    for name in NAMES:
        first = (CHART / "ci" / f"{name}-values.yaml").read_text().splitlines()[0]
        assert first.startswith("# ")
        chart().validate_schema(values_of(name))


def test_the_chart_is_of_this_version_of_lethe() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert chart().metadata["appVersion"] == project["version"]


def test_the_notes_say_three_steps_and_name_what_is_there() -> None:
    for name in NAMES:
        release = rendered(name)
        notes = release.texts["lethe/templates/NOTES.txt"]
        if release.values.get("stopped"):
            assert "stopped=false" in notes
            continue
        for step in ("\n1. ", "\n2. ", "\n3. "):
            assert step in notes
        assert "\n4. " not in notes
        for kind, found in (("deployment", "Deployment"), ("service", "Service")):
            named = {
                word.removeprefix(f"{kind}/")
                for word in notes.split()
                if word.startswith(f"{kind}/")
            }
            assert named <= {object_["metadata"]["name"] for object_ in release.of(found)}


def test_the_notes_warn_of_what_is_not_for_real_use() -> None:
    notes = {name: rendered(name).texts["lethe/templates/NOTES.txt"] for name in NAMES}
    assert "Not for real use" in notes["trial"]
    assert "Not for real use" not in notes["bundled"]
    assert "one pod on one volume" in notes["bundled"]
    assert "one pod on one volume" not in notes["external"]
    assert "tickets are prepared and then wait" in notes["without-gpu-workers"]
