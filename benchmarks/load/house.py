"""A house to put under load: real servers in a temporary folder, and what was started in it."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from lethe.stack.installation import Installation
from lethe.stack.process import LOOPBACK, Process, free_port
from lethe.stack.servers import start_redis, start_s3
from lethe.stack.stack import START_SECONDS, web_command, web_is_ready
from storage.accounts.users import Role
from storage.queue import Queue
from storage.record import Record
from storage.settings import Settings
from storage.settings import settings as read_settings
from storage.tickets.desk import Desk
from web.accounts.sign_in import make_sign_in_link_token

USER = "load"
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass(frozen=True)
class House:
    folder: Path
    record: Record
    queue: Queue
    desk: Desk
    servers: tuple[Process, Process]  # Redis and S3
    _started: ExitStack

    def start_web(self) -> Web:
        """gunicorn, as ``lethe up`` starts it."""
        port = free_port()
        process = self._start("web", web_command(port))
        process.wait_until(lambda: web_is_ready(port), START_SECONDS)
        return Web(self, process, f"http://{LOOPBACK}:{port}")

    def start_worker(self, queue: str, app: str = "workers.app", number: int = 0) -> Process:
        """A worker of one queue, as ``lethe up`` starts it, but for the clock and its sweeps."""
        name = f"{queue}-{number}" if number else queue
        command = [str(Path(sys.executable).with_name("celery")), "-A", app, "worker"]
        command += ["--concurrency", "1", "--loglevel", "INFO", "--without-gossip"]
        command += ["--without-mingle", "-Q", queue, "-n", f"{name}@%h"]
        return self._start(f"worker-{name}", command)

    def _start(self, name: str, command: list[str]) -> Process:
        process = Process.start(name, command, self.folder / f"{name}.log")
        self._started.callback(process.stop, 30.0)
        return process


@dataclass(frozen=True)
class Web:
    house: House
    process: Process
    url: str

    def visitor(self) -> requests.Session:
        """Somebody who is signed in and may do everything."""
        record, session = self.house.record, requests.Session()
        if record.users.get(USER) is None:
            record.users.add(USER, Role.ADMIN, os.urandom(16).hex())
        link = f"{self.url}/sign-in/link/{make_sign_in_link_token(record.redis, USER)}"
        data = {"csrf_token": self.token(session, link)}
        session.post(link, data, timeout=60).raise_for_status()
        return session

    def token(self, session: requests.Session, form: str) -> str:
        """The hidden token of the form at an address."""
        return str(_TOKEN.findall(session.get(form, timeout=60).text)[-1])


# One visitor here is as busy as an office.
_UNLIMITED = {f"limit_{what}": "none" for what in ("sign_ins", "submissions", "downloads", "api")}


@contextmanager
def opened(**given: str) -> Iterator[House]:
    """Starts Redis and S3; ``given`` are further settings. Everything ends and goes with it.

    Raises:
        NoServer, ProcessDied
    """
    with tempfile.TemporaryDirectory(prefix="lethe-load-") as scratch, ExitStack() as started:
        folder = Path(scratch)
        for name in [name for name in os.environ if name.startswith("LETHE_")]:
            del os.environ[name]  # it must be our own servers that bear the load
        installation = Installation.open(folder / "data")
        kept, redis_port, s3_port = installation.secrets, free_port(), free_port()
        password = kept["redis_password"]
        redis = start_redis(folder / "redis", folder / "redis.log", redis_port, password)
        started.callback(redis.stop)
        keys = kept["s3_access_key"], kept["s3_secret_key"]
        s3 = start_s3(folder / "s3", folder / "s3.log", s3_port, *keys)
        started.callback(s3.stop)
        os.environ.update(installation.environment(redis_port, f"http://{LOOPBACK}:{s3_port}"))
        given = {**_UNLIMITED, **given}
        os.environ.update({f"LETHE_{name.upper()}": value for name, value in given.items()})
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = os.environ["LETHE_METRICS_DIR"]
        read_settings.cache_clear()
        record, queue = Record.open(Settings()), Queue(Settings())
        yield House(folder, record, queue, Desk(record, queue), (redis, s3), started)
