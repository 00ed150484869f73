"""What `lethe up` clears away when it starts: its own counters, and nothing else of anybody."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lethe.stack.installation import Installation
from lethe.stack.stack import clear_metrics
from storage.settings import Settings


@pytest.mark.parametrize("name", ["LETHE_METRICS_DIR", "LETHE_CACHE_DIR", "LETHE_SECRET_KEY"])
def test_an_empty_variable_counts_as_none(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for given in [given for given in os.environ if given.startswith("LETHE_")]:
        monkeypatch.delenv(given)
    installation = Installation.open(tmp_path / "data")
    plain = installation.environment(1, "http://127.0.0.1:2")
    monkeypatch.setenv(name, "")
    assert installation.environment(1, "http://127.0.0.1:2") == plain


def test_no_empty_variable_is_taken_for_the_current_folder(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LETHE_S3_ENDPOINT", settings.s3_endpoint)
    monkeypatch.setenv("LETHE_S3_ACCESS_KEY", "key")
    monkeypatch.setenv("LETHE_S3_SECRET_KEY", "secret")
    for name in ("METRICS_DIR", "CACHE_DIR", "DETECTOR", "SIGNING_KEY_FILE"):
        monkeypatch.setenv(f"LETHE_{name}", "")
    found = Settings()
    assert found.metrics_dir is found.detector is found.signing_key_file is None
    assert found.cache_dir.is_absolute()


def test_only_the_counters_of_processes_that_are_gone_are_removed(tmp_path: Path) -> None:
    inside = tmp_path / "folder"
    inside.mkdir()
    for path in (tmp_path / "notes.txt", tmp_path / "mine.db", inside / "counter_1.db"):
        path.write_text("kept")
    for name in (
        "counter_12.db",
        "gauge_livesum_3.db",
        "histogram_7.db",
        "exemplars_unlearning.json",
        "exemplars_unlearning.12.part",
    ):
        (tmp_path / name).write_text("old")
    clear_metrics(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == [
        "counter_1.db",
        "folder",
        "mine.db",
        "notes.txt",
    ]
