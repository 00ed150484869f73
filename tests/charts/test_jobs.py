"""The jobs' own scripts, run as they stand against real servers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lethe.commands.ledger import rebuild_command
from storage.accounts.roles import Role
from storage.audit.log import Act
from storage.record import Record
from storage.settings import Settings
from tests.charts.release import Pod, Release, environment, rendered


def run(release: Release, pod: Pod, settings: Settings) -> subprocess.CompletedProcess[str]:
    """The job's container: its variables, with the addresses of the tests' servers."""
    container = pod.containers[0]
    entries = {
        "redis-password": "not used",
        "s3-access-key": settings.s3_access_key,
        "s3-secret-key": settings.s3_secret_key.get_secret_value(),
    }
    names = environment(release, container, entries)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    servers = {
        "LETHE_REDIS_URL": settings.redis_url,
        "LETHE_S3_ENDPOINT": settings.s3_endpoint,
        "LETHE_S3_BUCKET": settings.s3_bucket,
    }
    del names["LETHE_METRICS_DIR"], names["PROMETHEUS_MULTIPROC_DIR"]  # a container's own
    return subprocess.run(
        container["command"],
        env={**names, **servers, "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_first_admin_is_made_once_and_enters_by_a_link(
    settings: Settings, record: Record
) -> None:
    release = rendered("trial")
    job = release.pod("job-first-admin")
    first = run(release, job, settings)
    assert first.returncode == 0, first.stderr
    made = record.users.find("ada")
    assert made.role is Role.ADMIN
    assert made.password_hash  # of a password that nobody knows
    added = record.audit.newest(Act.USER_ADDED)
    assert added is not None
    assert added.actor == "helm"


def with_answer(command: list[str], lethe: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a job's script where ``lethe`` is this script of a shell."""
    file = folder / "lethe"
    file.write_text(f"#!/bin/sh\n{lethe}\n")
    file.chmod(0o755)
    return subprocess.run(
        command,
        env={"PATH": f"{folder}:/usr/bin:/bin", "FIRST_ADMIN": "ada"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_where_there_are_accounts_none_is_made(tmp_path: Path) -> None:
    command = rendered("trial").pod("job-first-admin").containers[0]["command"]
    # A second call, to make one, would fail.
    done = with_answer(command, '[ "$*" = "users list" ] && echo "name  role"', tmp_path)
    assert (done.returncode, done.stdout) == (0, "there are accounts already: nothing to do\n")


def test_a_password_that_is_given_for_the_first_admin_is_taken_from_its_secret() -> None:
    container = rendered("names").pod("job-first-admin").containers[0]
    (variable,) = (each for each in container["env"] if each["name"] == "LETHE_NEW_PASSWORD")
    assert variable["valueFrom"]["secretKeyRef"] == {"name": "first-admin", "key": "password"}
    assert "LETHE_NEW_PASSWORD" not in container["command"][-1]  # else it would be made anew


def test_a_job_whose_servers_do_not_answer_fails_and_is_tried_again(tmp_path: Path) -> None:
    for part in ("job-first-admin", "job-rebuild"):
        job = rendered("trial").pod(part)
        assert with_answer(job.containers[0]["command"], "exit 1", tmp_path).returncode == 1
        assert job.spec["restartPolicy"] == "OnFailure"
        assert job.owner["spec"]["backoffLimit"] > 0


def test_the_index_is_made_anew_after_an_installation_and_an_upgrade() -> None:
    job = rendered("external").pod("job-rebuild")
    hooks = job.owner["metadata"]["annotations"]["helm.sh/hook"]
    assert hooks == "post-install,post-upgrade"
    assert job.containers[0]["command"][-1].split() == ["lethe", "ledger", "rebuild"]
    assert rebuild_command.name == "rebuild"


def test_the_index_is_there_before_the_first_admin_is_looked_for() -> None:
    weights = [
        int(rendered("trial").pod(part).owner["metadata"]["annotations"]["helm.sh/hook-weight"])
        for part in ("job-rebuild", "job-first-admin")
    ]
    assert weights == sorted(weights)
    assert len(set(weights)) == 2


def test_the_record_is_walked_every_week_and_what_it_finds_stands_in_the_audit_log(
    settings: Settings, record: Record
) -> None:
    release = rendered("external")
    job = release.pod("job-verify")
    assert job.owner["spec"]["schedule"] == "17 3 * * 0"
    spec = job.owner["spec"]["jobTemplate"]["spec"]
    assert (spec["backoffLimit"], job.spec["restartPolicy"]) == (0, "Never")
    assert run(release, job, settings).returncode == 0
    assert record.audit.newest(Act.LEDGER_VERIFIED) is not None


@pytest.mark.parametrize("part", ["job-rebuild", "job-first-admin"])
def test_a_job_is_given_up_some_time_and_leaves_nothing_behind(part: str) -> None:
    job = rendered("trial").pod(part).owner
    assert job["spec"]["activeDeadlineSeconds"] == 3600
    assert job["spec"]["ttlSecondsAfterFinished"] > 0
    policy = job["metadata"]["annotations"]["helm.sh/hook-delete-policy"]
    assert "before-hook-creation" in policy
