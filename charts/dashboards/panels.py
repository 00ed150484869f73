"""Panels as all dashboards have them: a number, lines over time, bars and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from grafana_foundation_sdk.builders import bargauge, stat, table, timeseries
from grafana_foundation_sdk.builders import common as options
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import prometheus as queries
from grafana_foundation_sdk.models import common, dashboard, prometheus

SOURCE = dashboard.DataSourceRef(type_val="prometheus", uid="${datasource}")
LETHE = "${lethe}"  # the variable with the address of the pages
GOOD, DOUBT, BAD, PLAIN = "green", "orange", "red", "blue"
Steps = Mapping[float, str]  # from a value on → colour
Panel = TypeVar(
    "Panel", bound=stat.Panel | timeseries.Panel | bargauge.Panel | table.Panel
)  # of the SDK; each has the same methods and no class above it


@dataclass(frozen=True)
class Query:
    expr: str
    legend: str = ""
    exemplars: bool = False


@dataclass(frozen=True)
class Text:
    """What a panel says of itself."""

    title: str
    description: str
    unit: str  # Grafana's id of it
    link: str = ""  # the page of Lethe that says more


def number(text: Text, expr: str, steps: Steps | None = None, *, span: int = 4) -> stat.Panel:
    """One value as it is now."""
    panel = _of(stat.Panel(), text, steps).height(4).span(span)
    panel.reduce_options(options.ReduceDataOptions().calcs(["lastNotNull"]))
    panel.color_mode(common.BigValueColorMode.BACKGROUND if steps else _VALUE)
    panel.graph_mode(common.BigValueGraphMode.NONE)
    return panel.with_target(_instant(Query(expr)))


def lines(
    text: Text,
    given: Sequence[Query],
    steps: Steps | None = None,
    *,
    span: int = 12,
    stacked: bool = False,
) -> timeseries.Panel:
    """Values over time; thresholds are drawn as lines."""
    panel = _of(timeseries.Panel(), text, steps).height(8).span(span)
    panel.fill_opacity(20 if stacked else 0).show_points(common.VisibilityMode.NEVER)
    panel.tooltip(
        options.VizTooltipOptions()
        .mode(common.TooltipDisplayMode.MULTI)
        .sort(common.SortOrder.DESCENDING)
    )
    if steps:
        style = options.GraphThresholdsStyleConfig().mode(common.GraphTresholdsStyleMode.LINE)
        panel.thresholds_style(style)
    if stacked:
        panel.stacking(options.StackingConfig().mode(common.StackingMode.NORMAL))
    for place, query in enumerate(given):
        target = queries.Dataquery().expr(query.expr).range().legend_format(query.legend)
        panel.with_target(target.exemplar(query.exemplars).ref_id(_ref(place)))
    return panel


def bars(text: Text, query: Query, steps: Steps | None = None, *, span: int = 12) -> bargauge.Panel:
    """A bar for each series as it is now."""
    panel = _of(bargauge.Panel(), text, steps).height(8).span(span)
    panel.orientation(common.VizOrientation.HORIZONTAL)
    panel.reduce_options(options.ReduceDataOptions().calcs(["lastNotNull"]))
    return panel.with_target(_instant(query))


def rows(
    text: Text,
    columns: Mapping[str, str],
    labels: Mapping[str, str],
    steps: Steps | None = None,
    *,
    span: int = 12,
) -> table.Panel:
    """A row for each series.

    Args:
        columns: heading → expression; all have the same labels.
        labels: label → the page of Lethe that it leads to, ``{}`` for its value; "": none.
    """
    panel = _of(table.Panel(), text, steps).height(8).span(span).show_header(True)
    for place, expr in enumerate(columns.values()):
        target = _instant(Query(expr), _ref(place)).format(prometheus.PromQueryFormat.TABLE)
        panel.with_target(target)
    names = {f"Value #{_ref(place)}": heading for place, heading in enumerate(columns)}
    names |= {"Value": next(iter(columns))}
    hidden = {"Time": True}
    panel.with_transformation(_transformation("merge", {}))
    panel.with_transformation(
        _transformation("organize", {"excludeByName": hidden, "renameByName": names})
    )
    if steps:
        colour = [dashboard.DynamicConfigValue("custom.cellOptions", {"type": "color-text"})]
        panel.override_by_name(next(iter(columns)), colour)
    for label, page in labels.items():
        plain = [dashboard.DynamicConfigValue("unit", "string")]
        if page:
            url = LETHE + page.format("${__value.raw}")
            link = {"title": "Open in Lethe", "url": url, "targetBlank": True}
            plain.append(dashboard.DynamicConfigValue("links", [link]))
        panel.override_by_name(label, plain)
    return panel


_VALUE = common.BigValueColorMode.VALUE


def _of(panel: Panel, text: Text, steps: Steps | None) -> Panel:
    panel.title(text.title).description(text.description).unit(text.unit).datasource(SOURCE)
    found = [dashboard.Threshold(None, GOOD if steps else PLAIN)]
    found += [dashboard.Threshold(value, colour) for value, colour in (steps or {}).items()]
    if steps and min(steps) == float("-inf"):  # the colour below the first step
        found = [dashboard.Threshold(None, steps[float("-inf")]), *found[2:]]
    panel.thresholds(
        builders.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(found)
    )
    panel.color_scheme(
        builders.FieldColor().mode(
            dashboard.FieldColorModeId.PALETTE_CLASSIC
            if isinstance(panel, timeseries.Panel)
            else dashboard.FieldColorModeId.THRESHOLDS
        )
    )
    if text.link:
        more = builders.DashboardLink("Open in Lethe").type(dashboard.DashboardLinkType.LINK)
        panel.links([more.url(LETHE + text.link).target_blank(True)])
    return panel


def _instant(query: Query, ref: str = "A") -> queries.Dataquery:
    return queries.Dataquery().expr(query.expr).instant().legend_format(query.legend).ref_id(ref)


def _ref(place: int) -> str:
    return chr(ord("A") + place)


def _transformation(name: str, given: object) -> dashboard.DataTransformerConfig:
    return dashboard.DataTransformerConfig(id_val=name, options=given)
