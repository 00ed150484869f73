"""The key of an installation: its own, or the one that the environment gives; never two."""

from __future__ import annotations

from pathlib import Path

import pytest

from lethe.stack.installation import Installation
from storage.certificates.signing import Signer, key_id, read_public_key, write_new_key
from storage.errors import BadInput


@pytest.fixture(autouse=True)
def _nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LETHE_SIGNING_KEY", "LETHE_SIGNING_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)


def shown_key(installation: Installation) -> str:
    return key_id(read_public_key(installation.public_key))


def test_every_installation_makes_a_key_of_its_own_and_keeps_it(tmp_path: Path) -> None:
    one, other = (Installation.open(tmp_path / name) for name in ("one", "other"))
    assert shown_key(one) == Signer.from_file(one.signing_key).key_id
    assert shown_key(one) != shown_key(other)
    assert shown_key(Installation.open(tmp_path / "one")) == shown_key(one)
    environment = one.environment(1, "http://127.0.0.1:2")
    assert environment["LETHE_SIGNING_KEY_FILE"] == str(one.signing_key)


def test_a_key_put_in_its_place_is_the_one_shown_from_then_on(tmp_path: Path) -> None:
    installation = Installation.open(tmp_path)
    before = shown_key(installation)
    installation.signing_key.unlink()
    write_new_key(installation.signing_key)
    now = shown_key(Installation.open(tmp_path))
    assert now == Signer.from_file(installation.signing_key).key_id != before


def test_a_key_from_the_environment_signs_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_new_key(tmp_path / "given.pem")
    signer = Signer.from_file(tmp_path / "given.pem")
    monkeypatch.setenv("LETHE_SIGNING_KEY", (tmp_path / "given.pem").read_text())
    installation = Installation.open(tmp_path / "data")
    assert shown_key(installation) == signer.key_id
    assert "LETHE_SIGNING_KEY_FILE" not in installation.environment(1, "http://127.0.0.1:2")
    monkeypatch.setenv("LETHE_SIGNING_KEY_FILE", str(tmp_path / "given.pem"))
    with pytest.raises(BadInput, match="both are set"):
        Installation.open(tmp_path / "data")
