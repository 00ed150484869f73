"""A dashboard of Lethe: its variables, its links, and panels that are numbered in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard

from charts.dashboards.panels import LETHE, SOURCE

TAG = "lethe"
WEB = "http://localhost:8080"  # where `lethe up` answers; the chart sets its own
Rows = Mapping[str, Sequence[Builder[dashboard.Panel]]]


def board(uid: str, title: str, description: str, rows: Rows) -> builders.Dashboard:
    """``rows``: heading → panels."""
    found = builders.Dashboard(title).uid(uid).description(description).tags([TAG]).readonly()
    found.time("now-7d", "now").refresh("1m").tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
    found.timezone("browser").version(1)
    for variable in _variables():
        found.with_variable(variable)
    for link in _links():
        found.link(link)
    number = 0
    for heading, panels in rows.items():
        number += 1
        found.with_row(builders.Row(heading).id(number))
        for panel in panels:
            number += 1
            found.with_panel(Numbered(panel, number))
    return found


class Numbered(Builder[dashboard.Panel]):
    """The panel with an id: links to it must not change with what stands before it."""

    def __init__(self, panel: Builder[dashboard.Panel], number: int) -> None:
        self._panel, self._number = panel, number

    def build(self) -> dashboard.Panel:
        found = self._panel.build()
        found.id_val = self._number
        return found


def _variables() -> list[Builder[dashboard.VariableModel]]:
    all_models = dashboard.VariableOption(selected=True, text="All", value="$__all")
    lethe = builders.TextBoxVariable("lethe").label("Lethe").description("Where the pages are.")
    return [
        builders.DatasourceVariable("datasource").label("Prometheus").type("prometheus"),
        builders.QueryVariable("model")
        .label("Model")
        .datasource(SOURCE)
        .query("label_values(lethe_model_version, model)")
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(all_models),
        Filled(lethe, WEB),
    ]


class Filled(Builder[dashboard.VariableModel]):
    """A text box that holds something: the SDK's own cannot be given it."""

    def __init__(self, box: builders.TextBoxVariable, value: str) -> None:
        self._box, self._value = box, value

    def build(self) -> dashboard.VariableModel:
        found = self._box.build()
        found.query = self._value
        found.current = dashboard.VariableOption(selected=True, text=self._value, value=self._value)
        return found


def _links() -> list[builders.DashboardLink]:
    boards = builders.DashboardLink("Lethe's dashboards")
    boards.type(dashboard.DashboardLinkType.DASHBOARDS).tags([TAG])
    pages = [("Desk", "/"), ("Tickets", "/tickets"), ("Models", "/models"), ("System", "/system")]
    return [boards.as_dropdown(False).include_vars(True).keep_time(True)] + [
        builders.DashboardLink(title)
        .type(dashboard.DashboardLinkType.LINK)
        .icon("external link")
        .url(LETHE + page)
        .target_blank(True)
        for title, page in pages
    ]
