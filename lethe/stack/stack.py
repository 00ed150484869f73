"""The whole thing on one machine: Redis, S3, web and two workers, up together and down together."""

from __future__ import annotations

import os
import re
import signal
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

from lethe.stack.installation import Installation
from lethe.stack.process import LOOPBACK, Process, answers, check_port, free_port
from lethe.stack.servers import start_redis, start_s3
from storage import keys
from storage.record import Record
from storage.settings import Settings

START_SECONDS = 60.0  # a cold disk reads torch slowly
DEFAULT_PORT = 8080
Keep = Callable[[Process], None]
_METRICS_FILE = re.compile(
    r"(counter|gauge_[a-z]+|histogram|summary)_[0-9]+\.db|exemplars_[a-z]+(\.[0-9]+\.part|\.json)"
)


@dataclass(frozen=True)
class Stack:
    installation: Installation
    environment: dict[str, str]
    port: int
    processes: tuple[Process, ...]

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def dead(self) -> Process | None:
        """A process that ended although nobody asked it to."""
        return next((process for process in self.processes if not process.alive()), None)


@contextmanager
def running(installation: Installation, port: int) -> Iterator[Stack]:
    """Starts everything, and stops everything whatever happens.

    Raises:
        PortInUse, InstallationBusy, NoServer, ProcessDied
    """
    check_port(port)
    with ExitStack() as cleanup, installation.locked():
        # A shell starts background jobs with SIGINT ignored; we end by it all the same.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _interrupt)
        processes: list[Process] = []

        def keep(process: Process, seconds: float = 10.0) -> None:
            processes.append(process)
            cleanup.callback(process.stop, seconds)

        environment = _start_servers(installation, keep)
        os.environ.update(environment)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = environment["LETHE_METRICS_DIR"]
        clear_metrics(Path(environment["LETHE_METRICS_DIR"]))
        record = Record.open(Settings())
        if not record.redis.exists(keys.TICKETS):  # empty, or of an older version
            record.ledger.rebuild()
        started = _start_lethe(installation, port)
        for process in started:
            keep(process, 30.0)
        for process in started:  # all at once; then each is waited for
            cleanup.callback(process.ask_to_stop)
        web = started[-1]
        web.wait_until(lambda: web_is_ready(port), START_SECONDS)
        cleanup.callback(installation.withdraw)
        installation.announce(environment)
        yield Stack(installation, environment, port, tuple(processes))


def _start_servers(installation: Installation, keep: Keep) -> dict[str, str]:
    kept = installation.secrets
    redis_port = free_port()
    endpoint = os.environ.get("LETHE_S3_ENDPOINT")
    if "LETHE_REDIS_URL" not in os.environ:
        folder, log = installation.folder / "redis", installation.log("redis")
        keep(start_redis(folder, log, redis_port, kept["redis_password"]))
    if not endpoint:
        port = free_port()
        endpoint = f"http://{LOOPBACK}:{port}"
        folder, log = installation.folder / "s3", installation.log("s3")
        keep(start_s3(folder, log, port, kept["s3_access_key"], kept["s3_secret_key"]))
    return installation.environment(redis_port, endpoint)


def _start_lethe(installation: Installation, port: int) -> list[Process]:
    """The worker of each queue, then the web application."""
    binaries = Path(sys.executable).parent
    beat = str(installation.folder / "beat")
    worker = [str(binaries / "celery"), "-A", "workers.app", "worker", "--concurrency", "1"]
    worker += ["--loglevel", "INFO", "--without-gossip", "--without-mingle"]
    commands = {
        "worker-gpu": [*worker, "-Q", "gpu", "-n", "gpu@%h"],
        "worker-cpu": [*worker, "-Q", "cpu", "-n", "cpu@%h", "-B", "-s", beat],
        "web": web_command(port),
    }
    return [
        Process.start(name, command, installation.log(name)) for name, command in commands.items()
    ]


def web_command(port: int) -> list[str]:
    web = [str(Path(sys.executable).with_name("gunicorn")), "web.app:create_app()"]
    web += [
        "--config",
        "python:web.listener",
        "--bind",
        f"{LOOPBACK}:{port}",
        "--no-control-socket",
    ]
    return [*web, "--workers", "1", "--threads", "8", "--worker-class", "gthread"]


def web_is_ready(port: int) -> bool:
    if not answers(port):
        return False
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def clear_metrics(folder: Path) -> None:
    """Gauges of processes that are gone must not be summed; counters start anew with the stack.

    What was counted alone: the folder may be anybody's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if _METRICS_FILE.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
