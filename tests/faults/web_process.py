"""The real web process, as `lethe up` starts it, and a browser that can stop in mid-sentence."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import requests

from lethe.stack.process import LOOPBACK, Process, free_port
from lethe.stack.stack import web_command, web_is_ready
from storage.accounts.users import Role
from storage.record import Record
from storage.settings import Settings
from tests.storage.conftest import MODEL, SUBJECT
from web.accounts.sign_in import make_sign_in_link_token

ROOT = str(Path(__file__).parents[2])
SECONDS = 30.0  # far more than anything here takes
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class WebProcess:
    def __init__(self, settings: Settings, folder: Path, more: Mapping[str, str]) -> None:
        self.temporary = folder / "tmp"
        self.temporary.mkdir(exist_ok=True)
        self.port, self.log = free_port(), folder / "web.log"
        self._env = {**_environment(settings, self.temporary), **more}
        self.start()

    def start(self) -> None:
        self.process = Process.start("web", web_command(self.port), self.log, env=self._env)
        self.process.wait_until(lambda: web_is_ready(self.port), SECONDS)

    def serving(self) -> psutil.Process:
        """The process that serves requests: gunicorn's child."""
        (child,) = psutil.Process(self.process.popen.pid).children()
        return child

    def kill(self) -> None:
        """All of it at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.popen.pid, signal.SIGKILL)
        self.process.popen.wait()

    def kill_serving(self) -> None:
        """The child alone: its parent puts another in its place."""
        killed = self.serving()
        killed.kill()
        wait_for(lambda: not killed.is_running() and web_is_ready(self.port))

    def connect(self) -> socket.socket:
        return socket.create_connection((LOOPBACK, self.port), timeout=SECONDS)

    def uploaded(self) -> list[str]:
        """Files under the temporary folder that the serving process holds open."""
        found = [os.readlink(link) for link in self._descriptors()]
        return [name for name in found if name.startswith(str(self.temporary))]

    def _descriptors(self) -> list[Path]:
        return list(Path(f"/proc/{self.serving().pid}/fd").iterdir())


def _environment(settings: Settings, temporary: Path) -> dict[str, str]:
    secret = settings.secret_key
    assert secret is not None
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("LETHE_")},
        "LETHE_REDIS_URL": settings.redis_url,
        "LETHE_S3_ENDPOINT": settings.s3_endpoint,
        "LETHE_S3_ACCESS_KEY": settings.s3_access_key,
        "LETHE_S3_SECRET_KEY": settings.s3_secret_key.get_secret_value(),
        "LETHE_S3_BUCKET": settings.s3_bucket,
        "LETHE_SECRET_KEY": secret.get_secret_value(),
        "LETHE_SECURE_COOKIES": "false",
        "TMPDIR": str(temporary),
        "PYTHONPATH": ROOT,
    }


@contextmanager
def serving(
    settings: Settings, folder: Path, more: Mapping[str, str] | None = None
) -> Iterator[WebProcess]:
    """Args: more: environment variables, beside those of the settings."""
    web = WebProcess(settings, folder, more or {})
    try:
        yield web
    finally:
        web.kill()


class Browser:
    """Signed in, with the token of the form."""

    def __init__(self, web: WebProcess, record: Record, name: str = "rita") -> None:
        if record.users.get(name) is None:
            record.users.add(name, Role.REQUESTER, "correct horse battery")
        self._web = web
        self._session = requests.Session()
        link = f"/sign-in/link/{make_sign_in_link_token(record.redis, name)}"
        assert self._post(link, {"csrf_token": self._token(link)}).status_code == 303

    def url(self, path: str) -> str:
        return f"http://{LOOPBACK}:{self._web.port}{path}"

    def get(self, path: str, seconds: float = SECONDS) -> requests.Response:
        return self._session.get(self.url(path), timeout=seconds)

    def submit(self, files: Mapping[str, bytes]) -> requests.Response:
        return self._session.send(self._form(files), timeout=SECONDS, allow_redirects=False)

    def begin(self, files: Mapping[str, bytes], share: float = 1.0) -> socket.socket:
        """Sends this much of the form's body, and no more; the answer is nobody's."""
        form = self._form(files)
        assert isinstance(form.body, bytes)
        lines = [f"POST {form.path_url} HTTP/1.1", f"Host: {LOOPBACK}:{self._web.port}"]
        lines += [f"{name}: {value}" for name, value in form.headers.items()]
        connection = self._web.connect()
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        connection.sendall(form.body[: int(share * len(form.body))])
        return connection

    def _form(self, files: Mapping[str, bytes]) -> requests.PreparedRequest:
        fields = {
            "csrf_token": self._token("/tickets/new"),
            "model": MODEL,
            "subject": SUBJECT,
            "legal_ground": "gdpr-17-1-b",
            "deadline": (datetime.now(UTC).date() + timedelta(days=30)).isoformat(),
        }
        photos = [("photos", (name, data)) for name, data in files.items()]
        request = requests.Request("POST", self.url("/tickets/new"), data=fields, files=photos)
        return self._session.prepare_request(request)

    def _post(self, path: str, fields: Mapping[str, str]) -> requests.Response:
        url = self.url(path)
        return self._session.post(url, data=fields, timeout=SECONDS, allow_redirects=False)

    def _token(self, path: str) -> str:
        found = _TOKEN.search(self.get(path).text)
        assert found, path
        return found.group(1)


def wait_for(what: object, seconds: float = SECONDS) -> None:
    assert callable(what)
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)
