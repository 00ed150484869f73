"""However `lethe up` ends, no process of its own is left, and what was kept is there again."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.stack.life import Up, left_of

# Redis, S3, the web application and its worker, two Celery workers, a child of each, the beat.
EVERYBODY = 9
SOON = 5.0  # seconds


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One installation, through all its starts and ends."""
    return tmp_path_factory.mktemp("installation") / "data"


@pytest.fixture
def up(folder: Path) -> Iterator[Up]:
    stack = Up.start(folder)
    yield stack
    stack.kill()


def account(up: Up) -> str:
    """Makes an account, or says that it was made before."""
    password = "a long enough password"
    ended = up.command("users", "add", "ada", "--role", "admin", LETHE_NEW_PASSWORD=password)
    return ended.err or ended.out


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_status_0_and_no_process_is_left(
    how: signal.Signals, up: Up, folder: Path
) -> None:
    account(up)
    children = up.grown_up(EVERYBODY)
    assert len(left_of(folder)) > EVERYBODY  # the check sees them
    assert up.end(how) == 0, up.text()
    assert "Traceback" not in up.text()
    _, alive = psutil.wait_procs(children, SOON)  # init takes a moment to bury the last ones
    assert alive == []
    assert left_of(folder) == []
    assert not (folder / "running.json").exists()


def test_after_kill_9_no_process_is_left_and_commands_say_that_nothing_runs(
    up: Up, folder: Path
) -> None:
    children = up.grown_up(EVERYBODY)
    up.end(signal.SIGKILL)
    _, alive = psutil.wait_procs(children, SOON)
    assert alive == []
    assert left_of(folder, SOON) == []
    assert "no installation runs from" in up.command("models", "list").refusal()


def test_a_part_that_dies_ends_it_with_the_parts_name_and_data_are_kept_after_every_end(
    up: Up, folder: Path
) -> None:
    assert "user ada: exists already" in account(up)
    assert "every link holds" in up.command("ledger", "verify").out
    redis = next(child for child in up.grown_up(EVERYBODY) if "redis" in child.name())
    redis.kill()
    assert up.popen.wait(60) == 1
    last = up.text().splitlines()[-1]
    assert last.startswith("lethe: redis ended by itself: ")
    assert f"see {folder / 'logs' / 'redis.log'}" in last
    assert "Traceback" not in up.text()
    assert left_of(folder) == []
