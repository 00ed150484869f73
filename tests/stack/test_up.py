"""`lethe up` serves what it prints, and keeps its secrets to itself."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
import requests

from lethe.demo.browser import Browser, FormRefused
from tests.stack.life import Up


def test_it_prints_the_address_the_folder_and_how_to_stop_it(up: Up) -> None:
    text = up.text()
    assert f"Admin page   {up.url}\n" in text
    assert str(up.folder) in text
    assert up.link.startswith(f"{up.url}/sign-in/link/")
    assert "Ctrl-C stops it" in text
    assert "Traceback" not in text


def test_it_is_alive_and_ready_when_it_says_so(up: Up) -> None:
    alive = requests.get(f"{up.url}/healthz", timeout=10)
    ready = requests.get(f"{up.url}/readyz", timeout=10)
    assert (alive.status_code, ready.status_code) == (200, 200)
    assert ready.json() == {"status": "ready", "missing": []}


def test_the_printed_link_signs_the_admin_in_once(up: Up) -> None:
    browser = Browser(up.url)
    browser.sign_in(up.link)
    page = browser._session.get(f"{up.url}/users", timeout=10)
    assert page.status_code == 200
    assert "admin" in page.text
    with pytest.raises(FormRefused, match="404"):
        Browser(up.url).sign_in(up.link)


def test_a_stranger_is_sent_to_the_sign_in_page(up: Up) -> None:
    answer = requests.get(f"{up.url}/users", timeout=10, allow_redirects=False)
    assert answer.status_code in {302, 303}
    assert "/sign-in" in answer.headers["Location"]


def test_it_listens_on_loopback_alone(up: Up) -> None:
    listening = {
        connection.laddr.ip
        for process in up.children()
        for connection in process.net_connections("inet")
        if connection.status == "LISTEN"
    }
    assert listening == {"127.0.0.1"}


def test_secrets_are_readable_by_their_owner_alone(up: Up) -> None:
    for name in ("secrets.json", "running.json", "keys/certificates.pem", "redis/redis.conf"):
        assert mode(up.folder / name) == 0o600, name
    for name in ("", "keys", "s3", "redis", "logs", "cache"):
        assert mode(up.folder / name) == 0o700, name


def test_no_secret_is_in_a_command_line_or_in_what_is_printed_or_logged(up: Up) -> None:
    secrets = [value for name, value in json.loads(
        (up.folder / "secrets.json").read_text()).items() if name != "s3_access_key"
    ]  # fmt: skip
    lines = [" ".join(process.cmdline()) for process in up.grown_up(9)]
    logs = [log.read_text() for log in (up.folder / "logs").iterdir()]
    assert len(secrets) == 3
    assert [secret for secret in secrets if secret in "\n".join([*lines, *logs, up.text()])] == []


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
