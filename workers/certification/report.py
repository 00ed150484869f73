"""The report: a certificate's body as one page for people, print-ready, with nothing to load."""

from __future__ import annotations

from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined

from storage.canonical import Document
from workers.certification.figures import BENCHMARK_FIGURES, SUBJECT_FIGURES


def report_html(body: Document) -> bytes:
    """The page for the body of a certificate, UTF-8. All text in it is escaped."""
    (subject,) = body["figures"]["subjects"]
    tables = [
        ("Figures of the subject", SUBJECT_FIGURES, subject),
        ("Figures of everybody else", BENCHMARK_FIGURES, body["figures"]["benchmark"]),
    ]
    page = resources.files("workers.certification") / "report.html"
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters |= {"figure": _number, "interval": _interval, "sample": _sample}
    return (
        environment.from_string(page.read_text(encoding="utf-8"))
        .render(body=body, tables=tables)
        .encode()
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _interval(interval: list[float] | None) -> str:
    return "–" if interval is None else f"{interval[0]:.4g} … {interval[1]:.4g}"


def _sample(sample: dict[str, Any]) -> str:
    parts = [f"{count:,} {name.replace('_', '-')}" for name, count in sample.items()]
    return ", ".join(parts) or "–"
