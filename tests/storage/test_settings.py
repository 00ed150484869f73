"""Settings: read from the environment, all errors in one line, no secret shown."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from storage.accounts.roles import Role
from storage.settings import BadSettings, Settings, settings
from storage.store.objects import ObjectStore

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


OIDC = {
    "PUBLIC_URL": "https://lethe.example.org",
    "OIDC_ISSUER": "https://id.example.org/realms/acme",
    "OIDC_CLIENT_ID": "lethe",
    "OIDC_CLIENT_SECRET": SECRET,
    "OIDC_ROLES": '{"lethe-admins": "admin"}',
}


def test_an_openid_provider_is_set_all_or_not_at_all(read: Callable[..., Settings]):
    found = read(**GOOD | OIDC)
    assert found.oidc_roles == {"lethe-admins": Role.ADMIN}
    assert SECRET not in repr(found)
    assert read(**GOOD, OIDC_ISSUER="", OIDC_CLIENT_SECRET="").oidc_issuer is None
    together = (
        "set LETHE_OIDC_ISSUER and LETHE_OIDC_CLIENT_ID and LETHE_OIDC_CLIENT_SECRET, or none"
    )
    for name in ("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"):
        with pytest.raises(BadSettings, match=together):
            read(**GOOD | OIDC | {name: ""})


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("OIDC_ISSUER", "http://id.example.org", "use https"),
        ("OIDC_ISSUER", "id.example.org", "give the provider's issuer"),
        ("OIDC_ISSUER", "https://user:x@id.example.org", "give no user, password"),
        ("OIDC_ROLES", "", "nobody could sign in"),
        ("OIDC_ROLES", "{", "not JSON"),
        ("OIDC_ROLES", '["admin"]', "claim value → role"),
        ("OIDC_ROLES", '{"x": "root"}', "roles are requester, approver, auditor, admin"),
        ("OIDC_ROLES", '{"x": ["admin"]}', "roles are requester, approver, auditor, admin"),
        ("OIDC_SCOPE", "profile", "must hold openid"),
        ("PUBLIC_URL", "", "LETHE_PUBLIC_URL is not set"),
        ("PUBLIC_URL", "lethe.example.org", "give scheme and host alone"),
        ("PUBLIC_URL", "https://lethe.example.org/desk", "give scheme and host alone"),
        ("PUBLIC_URL", "https://a@lethe.example.org", "give scheme and host alone"),
        ("PUBLIC_URL", 'https://lethe.example.org" x', "give scheme and host alone"),
        ("PUBLIC_URL", "https://lethe.example.org:x", "LETHE_PUBLIC_URL"),
        ("PUBLIC_URL", "https://[::1", "LETHE_PUBLIC_URL"),
        ("HOSTS", "a.example, *.b.example", "is no host"),
        ("HOSTS", "a.example:8000", "is no host"),
        ("TRUSTED_PROXIES", "-1", "LETHE_TRUSTED_PROXIES"),
        ("TRUSTED_PROXIES", "many", "LETHE_TRUSTED_PROXIES"),
    ],
)
def test_a_provider_or_a_name_that_cannot_be_is_refused(
    read: Callable[..., Settings], name: str, value: str, line: str
):
    with pytest.raises(BadSettings) as error:
        read(**GOOD | OIDC | {name: value})
    assert line in str(error.value)
    assert SECRET not in str(error.value)


def test_the_public_address_and_the_other_names_are_the_hosts_that_are_answered(
    read: Callable[..., Settings],
):
    assert read(**GOOD).allowed_hosts == ()
    hosts = " .corp.example,10.0.0.1,"
    found = read(**GOOD, PUBLIC_URL="https://Lethe.example.org:8443/", HOSTS=hosts)
    assert found.public_url == "https://lethe.example.org:8443"
    named = ("lethe.example.org", ".corp.example", "10.0.0.1")
    assert found.allowed_hosts == (*named, "localhost", "127.0.0.1")


def test_settings_cannot_be_changed_once_read(read: Callable[..., Settings]):
    with pytest.raises(ValueError, match="frozen"):
        read(**GOOD).photo_bytes = 1


def test_good_settings_make_a_store_without_asking_it(read: Callable[..., Settings]):
    assert isinstance(ObjectStore.from_settings(read(**GOOD)), ObjectStore)


def test_tickets_stay_in_the_lists_for_good_where_that_is_said(read: Callable[..., Settings]):
    assert read(**GOOD).retention_days == read(**GOOD, RETENTION_DAYS="").retention_days == 365
    assert read(**GOOD, RETENTION_DAYS="never").retention_days is None
