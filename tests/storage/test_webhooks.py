"""Webhooks' settings and signature: Standard Webhooks, and a secret that is never shown."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from storage.settings import BadSettings, Settings
from storage.tickets import webhook_signature
from tests.storage.test_settings import GOOD, read

__all__ = ["read"]  # a fixture

SECRET = "whsec_" + base64.b64encode(b"a key of twenty-four byt").decode()
URL = "https://hooks.example.org/lethe?token=kept-quiet"


def test_the_signature_is_the_one_of_the_standards_own_test_vector() -> None:
    key = webhook_signature.key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body, message = b'{"test": 2432232314}', "msg_p5jXN8AQM9LWM0D4loKWxJek"
    assert webhook_signature.headers(key, message, 1614265330, body) == {
        "webhook-id": message,
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize(
    "url", [URL, "http://127.0.0.1:8000/lethe", "http://localhost/", "http://[::1]:80/a"]
)
def test_a_receiver_is_told_over_https_or_on_this_machine(
    read: Callable[..., Settings], url: str
) -> None:
    found = read(**GOOD, WEBHOOK_URL=url, WEBHOOK_SECRET=SECRET)
    assert found.webhook_url == url
    assert found.webhook_secret is not None
    assert "kept-quiet" not in repr(found)
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    "url",
    [
        "hooks",
        "ftp://hooks.example.org",
        "https://",
        "https://hooks.example.org:0/",
        "https://hooks.example.org:port/",
        "http://hooks.example.org/kept-quiet",
        "http://127.0.0.1.example.org/",
        "http://10.0.0.1/",
        "https://user:kept-quiet@hooks.example.org/",
        "https://@hooks.example.org/",
        "https://hooks.example.org/#kept-quiet",
    ],
)
def test_a_url_that_would_be_read_on_the_way_or_names_a_user_is_refused(
    read: Callable[..., Settings], url: str
) -> None:
    with pytest.raises(BadSettings, match="LETHE_WEBHOOK_URL") as error:
        read(**GOOD, WEBHOOK_URL=url, WEBHOOK_SECRET=SECRET)
    assert "kept-quiet" not in str(error.value)
    assert "LETHE_WEBHOOK_SECRET" not in str(error.value)


@pytest.mark.parametrize(
    "secret",
    [
        SECRET.removeprefix("whsec_"),
        "whsec_",
        "whsec_not base64!",
        "whsec_ü",
        "whsec_" + base64.b64encode(b"a key of twenty-three b").decode(),
        "whsec_" + base64.b64encode(bytes(65)).decode(),
    ],
)
def test_a_secret_of_another_form_or_length_is_refused_unshown(
    read: Callable[..., Settings], secret: str
) -> None:
    with pytest.raises(BadSettings, match="openssl rand -base64 32") as error:
        read(**GOOD, WEBHOOK_URL=URL, WEBHOOK_SECRET=secret)
    shown = secret.removeprefix("whsec_")
    assert not shown or shown not in str(error.value)


@pytest.mark.parametrize("given", [{"WEBHOOK_URL": URL}, {"WEBHOOK_SECRET": SECRET}])
def test_url_and_secret_come_together_or_not_at_all(
    read: Callable[..., Settings], given: dict[str, str]
) -> None:
    with pytest.raises(BadSettings, match="LETHE_WEBHOOK_URL and LETHE_WEBHOOK_SECRET"):
        read(**GOOD, **given)
    assert read(**GOOD, WEBHOOK_URL="", WEBHOOK_SECRET="").webhook_url is None
