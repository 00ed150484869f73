"""Gauges about models: where their aliases point, and the figures of their certificates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from storage import keys
from storage.models.lines import Line
from storage.record import Record

# Asked one by one, a thousand models that nobody judged yet take longer than all the rest.
# KEYS: the hash of each model's verdicts. Returns, of those that are there, place and fields.
_VERDICTS = """
local found = {}
for place, key in ipairs(KEYS) do
  local fields = redis.call('hgetall', key)
  if #fields > 0 then found[#found + 1] = {place, fields} end
end
return found
"""


def versions(found: Mapping[str, Line]) -> Metric:
    family = GaugeMetricFamily(
        "lethe_model_version", "The version that an alias points at.", labels=["model", "alias"]
    )
    for model, line in found.items():
        for alias, number in line.aliases.items():
            family.add_metric([model, alias], number)
    return family


def figures(found: Mapping[str, Line]) -> Iterator[Metric]:
    """Figures of each model's last erasure: ``forget_tmr:0.001`` and their like."""
    forget = GaugeMetricFamily(
        "lethe_forget_tmr", "TMR of the subjects' held-out photos.", labels=["model", "fmr"]
    )
    retained = GaugeMetricFamily(
        "lethe_retained_tmr", "TMR of the benchmark people.", labels=["model", "fmr"]
    )
    first = GaugeMetricFamily(
        "lethe_retained_tmr_first",
        "TMR of the benchmark people before the model's first erasure.",
        labels=["model", "fmr"],
    )
    cross = GaugeMetricFamily(
        "lethe_cross_version_tmr",
        "TMR of the subjects' old templates against held-out probes of the new version.",
        labels=["model"],
    )
    by_fmr = {"forget_tmr": forget, "retained_tmr": retained, "retained_tmr_first": first}
    for model, line in found.items():
        for figure, value in line.figures.items():
            name, _, fmr = figure.partition(":")
            if name in by_fmr:
                by_fmr[name].add_metric([model, fmr], value)
            elif name == "cross_version_tmr":
                cross.add_metric([model], value)
    yield from (forget, retained, first, cross)


def verdicts(record: Record, models: Sequence[str]) -> Metric:
    family = CounterMetricFamily(
        "lethe_verdicts", "Verdicts of certification.", labels=["model", "verdict"]
    )
    places = [keys.verdicts(model) for model in models]
    for place, fields in record.redis.eval(_VERDICTS, len(places), *places):
        for verdict, count in zip(fields[::2], fields[1::2], strict=True):
            family.add_metric([models[place - 1], str(verdict)], float(count))
    return family
