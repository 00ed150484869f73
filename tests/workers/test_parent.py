"""A child that comes too late to be told of its parent's death ends all the same."""

from __future__ import annotations

import signal
import subprocess
import sys

FORKS = """
import os, sys, time
from workers.parent import end_with_parent
parent = os.getpid()
if os.fork() == 0:
    while os.getppid() == parent:  # until the parent is dead
        time.sleep(0.01)
    end_with_parent(parent)
    print("alive", flush=True)
    os._exit(0)
os.kill(parent, {signal})
"""


def test_a_child_forked_just_before_its_parent_was_killed_ends_too() -> None:
    script = FORKS.format(signal=int(signal.SIGKILL))
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=30)
    assert ended.returncode == -signal.SIGKILL
    assert ended.stdout == b""  # the pipe closed: the child is gone, and never came past the check


def test_a_child_of_a_living_parent_goes_on() -> None:
    script = """
import os
from workers.parent import end_with_parent
parent = os.getpid()
if os.fork() == 0:
    end_with_parent(parent)
    os._exit(7)
raise SystemExit(os.waitstatus_to_exitcode(os.wait()[1]))
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=30)
    assert ended.returncode == 7
