"""A story: one ticket from the form to its certificate and others to failure, through a real web
process and a real worker, with everything planted that no log and no trace may hold."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from lethe.stack.process import Process
from storage import object_names
from storage.accounts.api_tokens import Scope
from storage.accounts.roles import Role
from storage.certificates.issued import write_new_key
from storage.models.registry import MODEL_FILE, Model
from storage.queue import CPU, GPU
from storage.record import Record
from storage.settings import Settings
from storage.tickets.states import State
from tests.conftest import ACCESS_KEY, SECRET_KEY, Servers
from tests.faults.quick import POLICY, faces
from tests.faults.redis_server import RedisServer
from tests.faults.web_process import WebProcess, serving
from tests.observability.collector import Collector
from tests.workers.cast import RECOGNISER
from tests.workers.workshop import environment
from web.accounts.sign_in import make_sign_in_link_token

ROOT = str(Path(__file__).parents[2])
SECONDS = 60.0  # far more than anything takes
SOUND, FACELESS = "door-cameras", "gate-cameras"  # the second one's face sets are not there
SUBJECT = "CANARY-0142"
RIGHT, WRONG = "canary right password", "canary wrong password"
SEARCHED = "canary-searched"
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass
class Story:
    folder: Path
    web: WebProcess
    worker: Process
    record: Record
    collector: Collector
    completed: str = ""
    refused: str = ""  # bad input: its model names a face set that is not there
    failed: str = ""  # an error that nobody foresaw
    planted: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Of all processes."""
        text = self.web.log.read_text() + self.worker.log.read_text()
        return [line for line in text.splitlines() if line]


@pytest.fixture(scope="session")
def story(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """One that the tests of logs and of traces read."""
    with ExitStack() as cleanup:
        made = telling(servers, tmp_path_factory.mktemp("story"), cleanup)
        tell(made)
        yield made


def telling(servers: Servers, folder: Path, cleanup: ExitStack) -> Story:
    """Everything is up, and nothing has happened yet."""
    collector = cleanup.enter_context(Collector())
    redis = RedisServer(folder)  # its worker must not take what other tests put into a queue
    cleanup.callback(redis.stop)
    settings = _settings(servers, redis.url, folder)
    record = Record.open(settings)
    record.faces.add("reference", faces().reference)
    record.faces.add("benchmark", faces().benchmark)
    for name, set_ in ((SOUND, "reference"), (FACELESS, "nobody")):
        _add_model(record, Model(name, set_, "benchmark"))
    more = {**collector.environment, "LETHE_LOG_LEVEL": "debug"}
    worker = _worker(settings, folder, more)
    cleanup.callback(worker.stop, 0.0)
    web = cleanup.enter_context(serving(settings, folder, more))
    worker.wait_until(lambda: " ready." in worker.log.read_text(), SECONDS)
    return Story(folder, web, worker, record, collector)


def tell(story: Story) -> None:
    """Everything that happens."""
    visitor = _sign_in(story)
    story.completed = _submit(story, visitor, SOUND)
    story.refused = _submit(story, visitor, FACELESS)
    story.failed = _submit(story, visitor, SOUND)
    visitor.get(_url(story, f"/tickets?q={SEARCHED}"), timeout=SECONDS)
    visitor.get(_url(story, f"/nowhere/{SEARCHED}?q={SEARCHED}"), timeout=SECONDS)
    spoiled = next(iter(story.record.objects.names(object_names.photos(story.failed))))
    story.record.objects.put(spoiled, b"altered", "image/jpeg")
    redis = urlsplit(story.record.settings.redis_url).password or ""
    story.planted += [SUBJECT, RIGHT, WRONG, SEARCHED, SECRET_KEY, redis]
    story.planted += [photo.sha256 for photo in faces().subject]
    story.planted += [f"canary-{photo.name}" for photo in faces().subject]
    _approve(story)
    wait_for(lambda: _state(story, story.completed) is State.COMPLETED)
    wait_for(lambda: _state(story, story.refused) is State.FAILED)
    wait_for(lambda: _state(story, story.failed) is State.FAILED)


def wait_for(met: Callable[[], object], seconds: float = SECONDS) -> None:
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end
        time.sleep(0.05)


def _settings(servers: Servers, redis_url: str, folder: Path) -> Settings:
    (folder / "any.toml").write_text(POLICY)
    write_new_key(folder / "signing.pem")
    return Settings(
        redis_url=redis_url,
        s3_endpoint=servers.s3_endpoint,
        s3_access_key=ACCESS_KEY,
        s3_secret_key=SECRET_KEY,
        s3_bucket=f"story-{os.getpid()}-{folder.name}".lower().replace("_", "-"),
        secret_key="0123456789abcdef" * 2,
        signing_key_file=folder / "signing.pem",
        cache_dir=folder / "cache",
        policy=str(folder / "any.toml"),
        task_attempts=1,
        sweep_seconds=1,
    )


def _add_model(record: Record, model: Model) -> None:
    record.models.create(model)
    with record.leases.hold("model", model.name) as lease:
        assert lease is not None
        files = {MODEL_FILE: RECOGNISER}
        version = record.models.publish(model.name, files, {}, parent=None, lease=lease)
        record.models.point(model.name, "current", version, "ada", lease)


def _worker(settings: Settings, folder: Path, more: Mapping[str, str]) -> Process:
    command = [str(Path(sys.executable).with_name("celery")), "-A", "tests.faults.crew_worker"]
    command += ["worker", "-Q", f"{CPU},{GPU}", "-n", "story@%h", "-B", "-s", str(folder / "beat")]
    command += ["--without-gossip", "--without-mingle"]
    env = {**os.environ, **environment(settings), "OMP_NUM_THREADS": "1", "PYTHONPATH": ROOT}
    return Process.start("worker", command, folder / "worker.log", env={**env, **more})


def _sign_in(story: Story) -> requests.Session:
    """By a wrong password, then by the right one."""
    story.record.users.add("rita", Role.REQUESTER, RIGHT)
    visitor = requests.Session()
    for password, status in ((WRONG, 401), (RIGHT, 303)):
        sent = {"name": "rita", "password": password, "csrf_token": _token(story, visitor)}
        answer = visitor.post(_url(story, "/sign-in"), sent, timeout=SECONDS, allow_redirects=False)
        assert answer.status_code == status, answer.text
    story.planted += [cookie.value or "" for cookie in visitor.cookies]
    link = make_sign_in_link_token(story.record.redis, "rita")
    assert requests.get(_url(story, f"/sign-in/link/{link}"), timeout=SECONDS).status_code == 200
    story.planted.append(link)
    return visitor


def _submit(story: Story, visitor: requests.Session, model: str) -> str:
    """By the form, with photos whose names say who they show."""
    fields = {
        "csrf_token": _token(story, visitor, "/tickets/new"),
        "model": model,
        "subject": SUBJECT,
        "legal_ground": "gdpr-17-1-b",
        "deadline": (datetime.now(UTC).date() + timedelta(days=30)).isoformat(),
    }
    files = [("photos", (f"canary-{photo.name}", photo.data)) for photo in faces().subject]
    url = _url(story, "/tickets/new")
    answer = visitor.post(url, fields, files=files, timeout=SECONDS, allow_redirects=False)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"].rpartition("/")[2]


def _approve(story: Story) -> None:
    """By the API, with a token."""
    story.record.users.add("ada", Role.APPROVER, None)
    scopes = {Scope.DECIDE, Scope.READ}
    _, token = story.record.api_tokens.issue("ada", "kiosk", scopes, 7, "ada")
    story.planted.append(token)
    for ticket in (story.completed, story.refused, story.failed):
        url = _url(story, f"/api/v1/tickets/{ticket}/approve")
        head = {"Authorization": f"Bearer {token}"}
        answer = requests.post(url, json={}, headers=head, timeout=SECONDS)
        assert answer.status_code == 200, answer.text


def _token(story: Story, visitor: requests.Session, page: str = "/sign-in") -> str:
    found = _TOKEN.search(visitor.get(_url(story, page), timeout=SECONDS).text)
    assert found, page
    return found.group(1)


def _url(story: Story, path: str) -> str:
    return f"http://127.0.0.1:{story.web.port}{path}"


def _state(story: Story, ticket: str) -> State:
    return story.record.tickets.load(ticket).state
