"""Child processes that never outlive us: own group, own log, stopped by their own id."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from storage.errors import BadInput, LetheError
from workers.parent import end_with_parent

LOOPBACK = "127.0.0.1"


class PortInUse(BadInput):
    """Somebody listens on the port already."""


class ProcessDied(LetheError):
    """A child process ended when it should not have."""


@dataclass
class Process:
    name: str
    popen: subprocess.Popen[bytes]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    asked: bool = False  # to stop

    @classmethod
    def start(
        cls,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> Process:
        """Starts ``command`` in a group of its own; what it prints goes to ``log``."""
        with log.open("ab") as output:
            popen = subprocess.Popen(  # noqa: S603 - our own commands, no shell
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(os.environ if env is None else env),
                start_new_session=True,
                preexec_fn=partial(end_with_parent, os.getpid()),
            )
        return cls(name, popen, log, stop_signal)

    def alive(self) -> bool:
        return self.popen.poll() is None

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """
        Raises:
            ProcessDied: it ended first, or was not ready in time; says where its log is.
        """
        end = time.monotonic() + seconds
        while not ready():
            if not self.alive():
                raise ProcessDied(f"{self.name} ended at once: {self.last_line()}; see {self.log}")
            if time.monotonic() > end:
                raise ProcessDied(
                    f"{self.name} was not ready after {seconds:.0f} s; see {self.log}"
                )
            time.sleep(0.02)

    def ask_to_stop(self) -> None:
        """Once: Celery takes a second signal for impatience."""
        if self.alive() and not self.asked:
            self.asked = True
            self.popen.send_signal(self.stop_signal)

    def stop(self, seconds: float = 10.0) -> None:
        """Asks it to stop, waits, then ends whatever is left of its group."""
        if self.alive():
            self.ask_to_stop()
            with suppress(subprocess.TimeoutExpired):
                self.popen.wait(seconds)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()

    def last_line(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it printed nothing"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def check_port(port: int) -> None:
    """
    Raises:
        PortInUse
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise PortInUse(
                f"port {port} cannot be used ({error.strerror}): choose another with --port"
            ) from None


def answers(port: int) -> bool:
    """Somebody accepts connections on the port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((LOOPBACK, port)) == 0
