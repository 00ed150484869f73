"""The house with web, Redis and S3 on one processor core; whoever asks sits on another."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import requests

from benchmarks.load.house import USER, House, Web
from benchmarks.load.timing import Cost, each, timed
from storage.accounts.api_tokens import Scope

CORE = 0
SECONDS = 60  # until an answer is given up
Ask = Callable[[], requests.Response]


@dataclass(frozen=True)
class OneCore:
    web: Web
    visitor: requests.Session  # an admin who is signed in
    program: requests.Session  # with a token of theirs
    everywhere: set[int]  # the cores that there are

    @classmethod
    @contextmanager
    def of(cls, house: House) -> Iterator[OneCore]:
        """A web of its own on one core, and the servers there with it until it ends."""
        everywhere = os.sched_getaffinity(0)
        web = house.start_web()
        try:
            for process in _at_work(web):
                _pin(process.pid, {CORE})
            os.sched_setaffinity(0, everywhere - {CORE} or {CORE})
            visitor = web.visitor()
            yield cls(web, visitor, _program(house), everywhere)
        finally:
            os.sched_setaffinity(0, everywhere)
            web.process.stop(30.0)
            for server in house.servers:
                _pin(server.popen.pid, everywhere)

    def page(self, path: str, headers: Mapping[str, str] | None = None) -> Ask:
        url, get = self.web.url + path, self.visitor.get
        return lambda: _right(get(url, headers=headers, timeout=SECONDS))

    def api(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Ask:
        url, send = f"{self.web.url}/api/v1{path}", self.program.request
        return lambda: _right(send(method, url, json=body, headers=headers, timeout=SECONDS))

    def again(self, ask: Ask, times: int) -> Cost:
        return timed(ask, times, _at_work(self.web))

    def each(self, asks: Iterable[Ask]) -> Cost:
        return each(asks, _at_work(self.web))

    @property
    def worker(self) -> psutil.Process:
        """gunicorn's: the other process only watches this one."""
        (found,) = psutil.Process(self.web.process.popen.pid).children()
        return found


def _program(house: House) -> requests.Session:
    session, record = requests.Session(), house.record
    scopes = {Scope.READ, Scope.SUBMIT}
    _, secret = record.api_tokens.issue(USER, "benchmark", scopes, 1, USER)
    session.headers["Authorization"] = f"Bearer {secret}"
    return session


def _right(answer: requests.Response) -> requests.Response:
    answer.raise_for_status()
    return answer


def _at_work(web: Web) -> list[psutil.Process]:
    servers = [psutil.Process(server.popen.pid) for server in web.house.servers]
    return [*psutil.Process(web.process.popen.pid).children(), *servers]


def _pin(pid: int, cores: set[int]) -> None:
    """Each of its threads: those that come later are where the one that starts them is."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), cores)
