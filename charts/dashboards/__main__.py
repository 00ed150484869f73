"""Writes every dashboard into the chart, from where docker/compose.yaml takes it, too."""

from __future__ import annotations

from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from charts.dashboards import erasures, tickets, workers

FOLDER = Path(__file__).parents[1] / "lethe" / "files" / "dashboards"
# Of Grafana 11 and 12. The SDK says 36; nothing that later ones changed is used here.
SCHEMA = 41
DASHBOARDS = {
    "tickets.json": tickets.dashboard,
    "erasures.json": erasures.dashboard,
    "workers.json": workers.dashboard,
}


def written() -> dict[str, str]:
    """File → its JSON."""
    encoder = JSONEncoder(sort_keys=True, indent=2)
    found = {name: make().build() for name, make in DASHBOARDS.items()}
    for built in found.values():
        built.schema_version = SCHEMA
    return {name: encoder.encode(built) + "\n" for name, built in found.items()}


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in written().items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
