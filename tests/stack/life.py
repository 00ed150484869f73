"""`lethe up` as a process of its own, and commands beside it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from lethe.stack.process import free_port
from tests.cli.command import Ended, lethe_process

READY_SECONDS, END_SECONDS = 60.0, 60.0  # a busy machine reads torch slowly
READY = "Ctrl-C stops it."


def environment(**more: str | Path) -> dict[str, str]:
    """Ours without any installation's settings, so that no other stack is found by chance."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("LETHE_")}
    plain.pop("PROMETHEUS_MULTIPROC_DIR", None)
    return plain | {name: str(value) for name, value in more.items()}


@dataclass
class Up:
    folder: Path
    port: int
    popen: subprocess.Popen[bytes]
    printed: Path

    @classmethod
    def start(cls, folder: Path, **env: str) -> Up:
        """Returns when it says that it is up."""
        port, printed = free_port(), folder.with_suffix(".out")
        command = [str(Path(sys.executable).with_name("lethe")), "up", "--data", str(folder)]
        with printed.open("wb") as output:
            popen = subprocess.Popen(
                [*command, "--port", str(port)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment(**env),
            )
        up = cls(folder, port, popen, printed)
        end = time.monotonic() + READY_SECONDS
        while READY not in up.text():
            if popen.poll() is not None or time.monotonic() > end:
                up.kill()
                raise AssertionError(f"lethe up did not come up: {up.text()}")
            time.sleep(0.05)
        return up

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def link(self) -> str:
        found = re.search(r"Sign in +(http\S+)", self.text())
        assert found, self.text()
        return found.group(1)

    def text(self) -> str:
        return self.printed.read_text()

    def command(self, *arguments: str | Path, **env: str) -> Ended:
        return lethe_process(*arguments, env=environment(LETHE_DATA=self.folder, **env))

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.popen.pid).children(recursive=True)

    def grown_up(self, count: int) -> list[psutil.Process]:
        """The children, once there are ``count`` of them: workers fork a little later."""
        end = time.monotonic() + READY_SECONDS
        while len(found := self.children()) < count:
            assert time.monotonic() < end, found
            time.sleep(0.05)
        return found

    def end(self, how: signal.Signals) -> int:
        self.popen.send_signal(how)
        return self.popen.wait(END_SECONDS)

    def kill(self) -> None:
        """For a test that failed; nothing it started may outlive the tests."""
        if self.popen.poll() is None:
            self.popen.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.popen.wait(END_SECONDS)
            self.popen.kill()
            self.popen.wait()


def left_of(folder: Path, seconds: float = 0.0) -> list[str]:
    """Processes that work for the installation in ``folder``, by what the system knows of them."""
    end = time.monotonic() + seconds
    while (found := _of(str(folder))) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def _of(folder: str) -> list[str]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            # Redis rewrites its command line; its working folder and the environment stay.
            facts = [*process.cmdline(), process.cwd(), *process.environ().values()]
            if process.pid != os.getpid() and any(folder in fact for fact in facts):
                found.append(f"{process.pid} {' '.join(process.cmdline())}")
    return found
