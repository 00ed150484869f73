"""Grafana's dashboards: ``python -m charts.dashboards`` writes the chart's JSON files from here."""
