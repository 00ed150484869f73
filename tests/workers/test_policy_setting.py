"""`LETHE_POLICY`: what a worker judges by, read when it starts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import storage.settings
import workers.erase
from storage.settings import BadSettings
from tests.workers.erased import LOOSE
from workers.certification import Policy


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Policy]]:
    for name in ("ENDPOINT", "ACCESS_KEY", "SECRET_KEY"):
        monkeypatch.setenv(f"LETHE_S3_{name}", "http://127.0.0.1:9")

    def forget() -> None:
        storage.settings.settings.cache_clear()
        workers.erase.policy.cache_clear()

    def choose(policy: str) -> Policy:
        monkeypatch.setenv("LETHE_POLICY", policy)
        forget()
        return workers.erase.policy()

    yield choose
    forget()


def test_a_policy_is_one_that_comes_with_lethe_or_a_file(chosen: Callable[[str], Policy]) -> None:
    assert chosen("strict") == Policy.named("strict")
    assert chosen(LOOSE) == Policy.read(Path(LOOSE))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("loose", "policy 'loose': there is none; use default, strict, seed"),
        ("absent.toml", "absent.toml: No such file or directory; give a policy file"),
    ],
)
def test_a_policy_that_is_not_there_is_a_wrong_setting(
    chosen: Callable[[str], Policy], given: str, why: str
) -> None:
    with pytest.raises(BadSettings) as error:
        chosen(given)
    assert str(error.value) == f"settings: LETHE_POLICY: {why}"


def test_a_worker_with_a_policy_that_cannot_be_used_does_not_start(tmp_path: Path) -> None:
    (policy := tmp_path / "empty.toml").write_text("")
    s3 = dict.fromkeys(
        (f"LETHE_S3_{name}" for name in ("ENDPOINT", "ACCESS_KEY", "SECRET_KEY")), "http://[::1]:9"
    )
    done = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "workers.app", "worker", "-Q", "gpu"],
        env={**os.environ, **s3, "LETHE_POLICY": str(policy)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert f"BadSettings: settings: LETHE_POLICY: {policy}: format: missing" in done.stderr
