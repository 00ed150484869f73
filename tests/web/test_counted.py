"""What workers count: summed over their processes, with exemplars, and read by whoever asks."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parsed_openmetrics,
)
from pydantic import ValidationError

from storage.counted import keep_exemplar
from storage.settings import Settings
from tests.web.conftest import MODEL, Visitor
from tests.web.test_metrics import samples, value
from web.app import create_app
from workers.metrics import forget_dead

ROOT = str(Path(__file__).parents[2])
# Workers in processes of their own, as Celery's children are: the second takes the first one's
# place when that was killed in mid-task.
WORKER = """
import os, signal, sys
from workers.metrics import counted, erasures, faces_embedded, photos_rejected, timed
faces_embedded.inc(int(sys.argv[1]))
with timed("unlearning", sys.argv[2]):
    pass
with counted("door-cameras"):
    erasures.labels("door-cameras", "completed").inc()
if sys.argv[3] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
"""
OPEN_METRICS = "application/openmetrics-text;version=1.0.0"


def worked(folder: Path, faces: int, ticket: str, end: str) -> None:
    env = {**os.environ, "LETHE_METRICS_DIR": str(folder), "PYTHONPATH": ROOT}
    command = [sys.executable, "-c", WORKER, str(faces), ticket, end]
    code = subprocess.run(command, env=env, check=False).returncode
    assert code == (-signal.SIGKILL if end == "killed" else 0)


def counting(settings: Settings, folder: Path) -> Visitor:
    return Visitor(create_app(settings.model_copy(update={"metrics_dir": folder})).test_client())


@pytest.mark.usefixtures("record")
def test_what_workers_count_is_summed_over_processes_and_outlives_one_that_is_killed(
    settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "not-there-yet"
    visitor = counting(settings, folder)
    assert "lethe_faces_embedded_total" not in visitor.get("/metrics").text
    worked(folder, 30, "t1", "killed")
    worked(folder, 12, "t2", "ended")
    found = samples(visitor)
    assert value(found, "lethe_faces_embedded_total") == 42
    assert value(found, "lethe_erasures_total", model=MODEL, result="completed") == 2
    assert value(found, "lethe_erasures_total", model=MODEL, result="failed") == 0
    assert value(found, "lethe_stage_duration_seconds_count", stage="unlearning") == 2
    assert value(found, "lethe_stage_duration_seconds_count", stage="preparing") == 0
    assert value(found, "lethe_photos_rejected_total", reason="no_face") == 0
    assert value(found, "lethe_gpu_memory_bytes") == 0


@pytest.mark.usefixtures("record")
def test_a_bucket_s_exemplar_is_its_last_ticket_for_whoever_asks_for_openmetrics(
    settings: Settings, tmp_path: Path
) -> None:
    worked(tmp_path, 1, "t1", "ended")
    worked(tmp_path, 1, "t2", "ended")
    keep_exemplar(tmp_path, "unlearning", [900.0], "of-an-earlier-life", 842.0)
    client = counting(settings, tmp_path).client
    answer = client.get("/metrics", headers={"Accept": OPEN_METRICS})
    assert answer.content_type.startswith("application/openmetrics-text; version=1.0.0")
    shown = {
        (sample.labels["stage"], sample.labels["le"]): sample.exemplar
        for family in parsed_openmetrics(answer.text)
        for sample in family.samples
        if sample.exemplar
    }
    last = max(shown.values(), key=lambda exemplar: exemplar.timestamp)
    assert last.labels == {"ticket": "t2"}
    for (stage, bucket), exemplar in shown.items():  # a busy machine may need two of them
        assert stage == "unlearning"
        assert exemplar.value <= float(bucket) < 900
    assert "t2" not in client.get("/metrics").text


def test_the_gauges_of_killed_processes_are_removed_and_no_others(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    dead = tmp_path / f"gauge_livesum_{gone.pid}.db"
    kept = [tmp_path / f"gauge_livesum_{os.getpid()}.db", tmp_path / f"counter_{gone.pid}.db"]
    for file in (dead, *kept):
        file.touch()
    forget_dead(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(kept)


def test_a_port_without_a_folder_to_count_into_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LETHE_S3_ENDPOINT", settings.s3_endpoint)
    monkeypatch.setenv("LETHE_S3_ACCESS_KEY", "key")
    monkeypatch.setenv("LETHE_S3_SECRET_KEY", "secret")
    monkeypatch.setenv("LETHE_METRICS_PORT", "9108")
    monkeypatch.delenv("LETHE_METRICS_DIR", raising=False)
    with pytest.raises(ValidationError, match="set LETHE_METRICS_DIR, too"):
        Settings()
