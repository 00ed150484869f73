"""Settings: read from the environment, all errors in one line, no secret shown."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from storage.objects import ObjectStore
from storage.settings import BadSettings, Settings, settings

SECRET = "hunter2-hunter2-hunter2-hunter2-hunter2"
GOOD = {
    "S3_ENDPOINT": "http://127.0.0.1:9000",
    "S3_ACCESS_KEY": "lethe-user",
    "S3_SECRET_KEY": SECRET,
    "SECRET_KEY": SECRET,
    "REDIS_URL": f"redis://:{SECRET}@127.0.0.1:6379/0",
}


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    """Reads settings from an environment that holds nothing of Lethe's but these."""

    def from_environment(**variables: str) -> Settings:
        for name in [name for name in os.environ if name.startswith("LETHE_")]:
            monkeypatch.delenv(name)
        for name, value in variables.items():
            monkeypatch.setenv(f"LETHE_{name}", value)
        settings.cache_clear()
        try:
            return settings()
        finally:
            settings.cache_clear()

    return from_environment


def test_settings_come_from_the_environment(read: Callable[..., Settings]):
    found = read(**GOOD, PHOTO_BYTES="1000")
    assert found.s3_secret_key.get_secret_value() == SECRET
    assert (found.s3_endpoint, found.photo_bytes) == ("http://127.0.0.1:9000", 1000)


def test_missing_and_wrong_variables_are_named_together_in_one_line(read: Callable[..., Settings]):
    with pytest.raises(BadSettings) as error:
        read(
            S3_ENDPOINT="127.0.0.1:9000",
            REDIS_URL="somewhere",
            SECRET_KEY="short",
            PHOTO_BYTES="-1",
            LEASE_SECONDS="soon",
            PUBLISH_AS="latest",
        )
    line = str(error.value)
    assert len(line.splitlines()) == 1
    for name in ("S3_ACCESS_KEY", "S3_SECRET_KEY"):
        assert f"LETHE_{name}: is not set" in line
    for name in (
        "S3_ENDPOINT",
        "REDIS_URL",
        "SECRET_KEY",
        "PHOTO_BYTES",
        "LEASE_SECONDS",
        "PUBLISH_AS",
    ):
        assert f"LETHE_{name}: " in line
    assert line.count("LETHE_") == 8


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "ftp://127.0.0.1",
        "http://",
        "http://127.0.0.1:9000/bucket",
        "http://127.0.0.1:port",
        "http://[::1",
        f"http://user:{SECRET}@127.0.0.1:9000",
    ],
)
def test_an_endpoint_that_is_not_scheme_host_and_port_is_refused(
    read: Callable[..., Settings], endpoint: str
):
    with pytest.raises(BadSettings, match="LETHE_S3_ENDPOINT") as error:
        read(**GOOD | {"S3_ENDPOINT": endpoint})
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("url", ["redis", "http://127.0.0.1", f"mysql://:{SECRET}@h", "redis:/"])
def test_a_redis_url_of_another_kind_is_refused(read: Callable[..., Settings], url: str):
    with pytest.raises(BadSettings, match="LETHE_REDIS_URL") as error:
        read(**GOOD | {"REDIS_URL": url})
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("name", ["S3_ACCESS_KEY", "S3_SECRET_KEY"])
def test_an_empty_key_counts_as_none(read: Callable[..., Settings], name: str):
    with pytest.raises(BadSettings, match=f"LETHE_{name}"):
        read(**GOOD | {name: ""})


def test_no_secret_is_printed_not_even_the_password_in_the_redis_url(
    read: Callable[..., Settings],
):
    found = read(**GOOD)
    assert SECRET not in repr(found)
    assert SECRET not in str(found)
    assert SECRET not in f"{found!r} {found.s3_secret_key} {found.secret_key}"


def test_an_error_shows_no_secret(read: Callable[..., Settings]):
    with pytest.raises(BadSettings) as error:
        read(SECRET_KEY="tooshort-hunter2", S3_SECRET_KEY=SECRET)
    assert "hunter2" not in str(error.value)
    assert error.value.__cause__ is None


def test_the_default_policy_judges_unless_another_is_set(read: Callable[..., Settings]):
    assert read(**GOOD).policy == "default"
    assert read(**GOOD, POLICY="/etc/lethe/acme.toml").policy == "/etc/lethe/acme.toml"
    assert read(**GOOD, POLICY="").policy == "default"


def test_settings_cannot_be_changed_once_read(read: Callable[..., Settings]):
    with pytest.raises(ValueError, match="frozen"):
        read(**GOOD).photo_bytes = 1


def test_good_settings_make_a_store_without_asking_it(read: Callable[..., Settings]):
    assert isinstance(ObjectStore.from_settings(read(**GOOD)), ObjectStore)


def test_tickets_stay_in_the_lists_for_good_where_that_is_said(read: Callable[..., Settings]):
    assert read(**GOOD).retention_days == read(**GOOD, RETENTION_DAYS="").retention_days == 365
    assert read(**GOOD, RETENTION_DAYS="never").retention_days is None
