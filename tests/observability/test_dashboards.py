"""Dashboards: the committed JSON is what the script writes, and each panel says what it shows."""

from __future__ import annotations

import json
import re

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from charts.dashboards.__main__ import DASHBOARDS, FOLDER, written
from storage.settings import Settings
from tests.observability.boards import boards, panels, targets
from tests.web.conftest import SUBJECT
from web.app import create_app

TITLES = {
    "lethe-tickets": "Tickets and deadlines",
    "lethe-erasures": "Erasures: forgotten and kept",
    "lethe-workers": "Workers and GPUs",
}
SCHEMA = 41
UIDS = sorted(TITLES)


def test_what_is_committed_is_what_the_script_writes() -> None:
    committed = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    assert committed == written(), "run python -m charts.dashboards"
    assert set(committed) == set(DASHBOARDS)


@pytest.mark.parametrize("uid", UIDS)
def test_a_dashboard_asks_which_prometheus_which_model_and_where_the_pages_are(uid: str) -> None:
    board = boards()[uid]
    assert board["title"] == TITLES[uid]
    assert board["schemaVersion"] == SCHEMA
    assert board["description"]
    kinds = {variable["name"]: variable["type"] for variable in board["templating"]["list"]}
    assert kinds == {"datasource": "datasource", "model": "query", "lethe": "textbox"}
    links = {link["title"]: link for link in board["links"]}
    assert links["Lethe's dashboards"]["type"] == "dashboards"
    assert set(links["Lethe's dashboards"]["tags"]) <= set(board["tags"])
    assert {"/", "/tickets", "/models", "/system"} == {
        link["url"].removeprefix("${lethe}") for link in board["links"] if link["url"]
    }


@pytest.mark.parametrize("uid", UIDS)
def test_each_panel_has_a_title_a_unit_a_description_and_a_place_of_its_own(uid: str) -> None:
    board = boards()[uid]
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    titles = [panel["title"] for panel in panels(board)]
    assert len(set(titles)) == len(titles)
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert not taken & cells, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    for panel in panels(board):
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        refs = [target["refId"] for target in panel["targets"]]
        assert refs
        assert len(set(refs)) == len(refs)
        steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        values = [step["value"] for step in steps[1:]]
        assert steps[0]["value"] is None
        assert values == sorted(values)


def test_a_ticket_s_deadline_leads_to_its_page() -> None:
    (panel,) = [
        panel
        for panel in panels(boards()["lethe-tickets"])
        if panel["title"] == "The next deadlines"
    ]
    urls = {
        override["matcher"]["options"]: link["url"]
        for override in panel["fieldConfig"]["overrides"]
        for found in override["properties"]
        if found["id"] == "links"
        for link in found["value"]
    }
    assert urls == {
        "ticket": "${lethe}/tickets/${__value.raw}",
        "model": "${lethe}/models/${__value.raw}",
    }


def test_every_page_that_a_link_leads_to_is_there(settings: Settings) -> None:
    routes, paths = create_app(settings).url_map.bind("localhost"), set()
    for board in boards().values():
        paths |= set(re.findall(r"\$\{lethe\}([^\"]*)", json.dumps(board)))
    assert len(paths) > 5
    for path in paths:
        routes.match(path.partition("?")[0].replace("${__value.raw}", "t0123456789ab"))


def test_what_grafana_s_own_model_of_a_dashboard_knows_is_all_that_is_said() -> None:
    for name, text in written().items():
        read = Dashboard.from_json(json.loads(text))
        again = JSONEncoder(sort_keys=True, indent=2).encode(read) + "\n"
        assert again == text, name


def test_no_replica_is_counted_twice() -> None:
    """What every web replica says alike is taken from one of them, never summed."""
    of_workers = ("stage_duration", "erasures", "photos_rejected", "faces_embedded", "gpu_memory")
    for target in targets():
        for found in re.finditer(r"(\w+)(?: by \([^)]*\))? ?\(\(?lethe_(\w+)", target.expr):
            function, metric = found.groups()
            if not metric.startswith(of_workers):
                assert function in {"max", "min", "increase", "avg_over_time"}, target


def test_nothing_asks_for_a_person() -> None:
    for path in FOLDER.glob("*.json"):
        text = path.read_text()
        assert SUBJECT not in text
        assert "subject=" not in text
