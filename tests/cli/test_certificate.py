"""`lethe certificate verify` holds for the file that was signed, and for no other."""

from __future__ import annotations

import base64
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.canonical import file_sha256, sha256
from storage.certificates.issued import Signer, issue, write_new_key
from storage.record import Record
from storage.settings import Settings
from storage.settings import settings as read_settings
from tests.cli.command import OWN_MODEL, Ended, lethe, lethe_process
from tests.storage.bodies import body, chain, ticket, version

OWN = {"number": 1, "digest": version(1)["digest"], "files": {"model.onnx": file_sha256(OWN_MODEL)}}
CERTIFIED = version(2)["files"]["model.onnx"]
OTHER_POLICY = b"""
name = "acme"
version = 3
[[rules]]
id = "forgotten-tmr"
text = "It is as it should be"
figure = "forgotten_tmr@1e-3"
comparison = "at_most"
threshold = 0.1
minimum = { comparisons = 10 }
[[rules]]
id = "benchmark-tmr-drop"
text = "It is as it should be"
figure = "benchmark_tmr_drop@1e-3"
comparison = "at_most"
threshold = 0.1
minimum = { comparisons = 10 }
"""


class Signed:
    """A certificate and the key that verifies it."""

    def __init__(self, folder: Path, **changes: object) -> None:
        private = folder / "certificates.pem"
        if not private.exists():
            write_new_key(private)
        self.signer = Signer.from_file(private)
        self.data = issue(body(**{"parent": OWN, **changes}), self.signer)
        self.file, self.key = folder / "certificate.json", folder / "certificates.pub"
        self.file.write_bytes(self.data)
        self.key.write_bytes(self.signer.public_pem())

    def verify(self, *more: str | Path) -> Ended:
        return lethe("certificate", "verify", self.file, "--key", self.key, *more)


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    return Signed(tmp_path_factory.mktemp("signed"))


def test_a_certificate_verifies_without_a_server(signed: Signed, tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "PATH": ""}
    ended = lethe_process("certificate", "verify", signed.file, "--key", signed.key, env=env)
    assert (ended.status, ended.err) == (0, "")
    assert "signature: holds" in ended.out
    assert "verdict: passed" in ended.out


@given(data=st.data())
def test_one_flipped_bit_anywhere_is_refused(signed: Signed, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(signed.data) - 1))
    flipped = bytearray(signed.data)
    flipped[position] ^= 1 << data.draw(st.integers(0, 7))
    signed.file.write_bytes(flipped)
    try:
        assert str(signed.file) in signed.verify().refusal()
    finally:
        signed.file.write_bytes(signed.data)


@given(length=st.integers(0, 10_000))
def test_a_certificate_that_breaks_off_is_refused(signed: Signed, length: int) -> None:
    signed.file.write_bytes(signed.data[: length % len(signed.data)])
    try:
        assert str(signed.file) in signed.verify().refusal()
    finally:
        signed.file.write_bytes(signed.data)


def test_another_key_is_refused_and_both_keys_are_named(signed: Signed, tmp_path: Path) -> None:
    other = Signed(tmp_path)
    line = lethe("certificate", "verify", signed.file, "--key", other.key).refusal()
    assert line.startswith(f"{signed.file}: signed with key ")
    assert "use the key it was signed with" in line


def test_a_certificate_signed_anew_by_somebody_else_is_refused(
    signed: Signed, tmp_path: Path
) -> None:
    forged = Signed(tmp_path)
    line = lethe("certificate", "verify", forged.file, "--key", signed.key).refusal()
    assert line.startswith(f"{forged.file}: ")


@pytest.mark.parametrize("missing", ["file", "key"])
def test_a_missing_file_is_named(missing: str, signed: Signed, tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    files = {"file": signed.file, "key": signed.key} | {missing: absent}
    line = lethe("certificate", "verify", files["file"], "--key", files["key"]).refusal()
    assert line.startswith(f"{absent}: No such file or directory")


def test_a_private_key_or_a_text_in_place_of_the_public_key_is_refused(
    signed: Signed, tmp_path: Path
) -> None:
    text = tmp_path / "text.pub"
    text.write_bytes(base64.b64encode(bytes(32)))
    for key in (text, signed.file.parent / "certificates.pem"):
        line = lethe("certificate", "verify", signed.file, "--key", key).refusal()
        assert line.startswith(f"{key}: not a public key in PEM")


def test_a_model_file_is_compared_with_the_one_that_was_certified(signed: Signed) -> None:
    ended = signed.verify("--old", OWN_MODEL)
    assert ended.status == 0
    assert "is the certified file" in ended.out
    line = signed.verify("--new", OWN_MODEL).refusal()
    assert line.startswith(f"{signed.file}: certifies a file with SHA-256 {CERTIFIED[:12]}…")
    absent = signed.file.parent / "absent.onnx"
    assert signed.verify("--old", absent).refusal().startswith(f"{absent}: No such file")


def test_it_says_line_by_line_what_was_checked_and_what_was_not(signed: Signed) -> None:
    lines = signed.verify().out.splitlines()
    said = [line.split(":")[0] for line in lines]
    assert said == [
        "form",
        "signature",
        "rules",
        "figures",
        "verdict",
        "versions",
        "claim",
        "claim",
        "policy",
        "parent 1",
        "version 2",
        "chain",
    ]
    assert "claim: training influence: not examined" in lines
    assert "not compared; give the file with --policy" in lines[8]
    assert "was not given and not compared" in lines[9]
    assert lines[11].startswith("chain: the certificate before it: none is named")


def test_of_several_keys_the_one_that_signed_is_used(signed: Signed, tmp_path: Path) -> None:
    other = Signed(tmp_path)
    assert signed.verify("--key", other.key).status == 0
    (tmp_path / "third").mkdir()
    third = Signed(tmp_path / "third")
    keys = ("--key", other.key, "--key", third.key)
    line = lethe("certificate", "verify", signed.file, *keys).refusal()
    assert line.startswith(f"{signed.file}: signed with key {signed.signer.key_id}, and the keys")


def test_a_certificate_of_another_ticket_is_refused(signed: Signed) -> None:
    assert signed.verify("--ticket", "t000000000000").status == 0
    line = signed.verify("--ticket", "t000000000001").refusal()
    assert line.endswith(
        "certifies ticket t000000000000, not 't000000000001': the certificate of another ticket"
    )


def test_the_policy_file_is_compared_rule_for_rule(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_bytes(OTHER_POLICY)
    policy = {"name": "acme", "version": 3, "digest": sha256(OTHER_POLICY)}
    signed = Signed(tmp_path, policy=policy)
    assert f"{file} is that file, and its rules are these" in signed.verify("--policy", file).out
    fewer = body(policy=policy)["rules"][:1]
    line = Signed(tmp_path, policy=policy, rules=fewer).verify("--policy", file).refusal()
    assert line.endswith(f"its rules are not those of the policy {file}")
    renamed = Signed(tmp_path, policy={**policy, "version": 4}).verify("--policy", file)
    assert renamed.refusal().endswith(f"names another policy than {file} is")
    file.write_bytes(OTHER_POLICY.replace(b"0.1", b"0.9"))
    assert "judged by a policy with SHA-256" in signed.verify("--policy", file).refusal()
    file.write_bytes(b"\xff")
    other = Signed(tmp_path, policy={**policy, "digest": sha256(b"\xff")})
    assert "which is not a policy" in other.verify("--policy", file).refusal()


# --- chains ---


class Chained:
    """Four certificates of one model in a folder, as the record names them."""

    def __init__(self, folder: Path) -> None:
        write_new_key(folder / "key.pem")
        self.signer = Signer.from_file(folder / "key.pem")
        self.key, self.folder = folder / "key.pub", folder / "certificates"
        self.key.write_bytes(self.signer.public_pem())
        self.folder.mkdir()
        self.files = [self.folder / f"{ticket(number)}.json" for number in range(4)]
        for file, data in zip(self.files, chain(self.signer, 4), strict=True):
            file.write_bytes(data)

    def verify(self, file: Path, *more: str | Path) -> Ended:
        return lethe("certificate", "verify", file, "--key", self.key, *more)

    def previous(self, *files: Path) -> Ended:
        given = [part for file in files for part in ("--previous", file)]
        return self.verify(self.files[-1], *given)

    def folded(self) -> Ended:
        return self.verify(self.files[-1], "--chain", self.folder)


@pytest.fixture
def chained(tmp_path: Path) -> Chained:
    return Chained(tmp_path)


def test_a_chain_is_walked_back_to_the_import(chained: Chained, tmp_path: Path) -> None:
    root = version(1)["digest"][:12]
    elsewhere = tmp_path / "mine.json"
    elsewhere.write_bytes(chained.files[-1].read_bytes())
    for ended in (
        chained.previous(*chained.files[:3]),
        chained.folded(),
        chained.verify(elsewhere, "--chain", chained.folder),
    ):
        assert (ended.status, ended.err) == (0, "")
        assert "chain: 4 certificates, each names the one before it" in ended.out
        assert f"chain: back to the import of door-cameras, {root}…" in ended.out


def test_a_missing_link_is_refused(chained: Chained) -> None:
    line = chained.previous(chained.files[0], chained.files[2]).refusal()
    assert line.startswith(f"{chained.files[2]}: names a certificate before it with SHA-256 ")
    assert line.endswith("that one is not there: a link is missing")
    chained.files[0].unlink()
    assert "a link is missing" in chained.folded().refusal()


def test_a_replayed_certificate_is_refused(chained: Chained) -> None:
    line = chained.previous(*chained.files[:3], chained.files[1]).refusal()
    assert line.endswith(f"the same certificate as {chained.files[1]}: replayed")
    assert "replayed" in chained.previous(*chained.files).refusal()
    copy = chained.folder / f"{ticket(7)}.json"
    copy.write_bytes(chained.files[0].read_bytes())
    line = chained.folded().refusal()
    assert line == f"{copy}: the certificate of ticket {ticket(0)}: replayed"
    copy.rename(chained.folder / "copy.json")
    assert "the same certificate as" in chained.folded().refusal()


def test_an_older_certificate_presented_for_the_last_is_refused(chained: Chained) -> None:
    line = chained.verify(chained.files[2], "--chain", chained.folder).refusal()
    assert line == (
        f"{chained.files[2]}: not the last certificate of model door-cameras: "
        f"{chained.files[3]}, of version 5, follows it"
    )


def test_a_link_that_was_altered_or_signed_by_somebody_else_is_refused(
    chained: Chained, tmp_path: Path
) -> None:
    data = bytearray(chained.files[1].read_bytes())
    data[data.index(b'"seed":0') + 7] = ord("1")
    chained.files[1].write_bytes(data)
    assert chained.folded().refusal() == (
        f"{chained.files[1]}: the signature does not match: altered after signing"
    )
    (tmp_path / "other").mkdir()
    other = Chained(tmp_path / "other")
    line = chained.previous(other.files[0]).refusal()
    assert line.startswith(f"{other.files[0]}: signed with key {other.signer.key_id}, and")


def test_a_folder_may_hold_other_models_and_must_be_there(chained: Chained) -> None:
    other = issue(body(ticket=ticket(9), model="gate"), chained.signer)
    (chained.folder / f"{ticket(9)}.json").write_bytes(other)
    assert chained.folded().status == 0
    line = chained.verify(chained.files[-1], "--chain", chained.key).refusal()
    assert line.startswith(f"{chained.key}: not a folder")


def test_links_of_a_replaced_key_verify_with_both_keys(chained: Chained, tmp_path: Path) -> None:
    write_new_key(tmp_path / "new.pem")
    new = Signer.from_file(tmp_path / "new.pem")
    (tmp_path / "new.pub").write_bytes(new.public_pem())
    before = sha256(chained.files[-1].read_bytes())
    made = body(ticket=ticket(4), version=version(6), previous_certificate=before)
    file = chained.folder / f"{ticket(4)}.json"
    file.write_bytes(issue(made, new))
    both = ("--key", tmp_path / "new.pub", "--chain", chained.folder)
    assert "chain: 5 certificates" in chained.verify(file, *both).out
    line = lethe("certificate", "verify", file, *both).refusal()
    assert f"signed with key {chained.signer.key_id}" in line


def test_the_keys_of_a_record_are_listed_with_their_first_and_last_use(
    record: Record, settings: Settings, chained: Chained, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, day in enumerate(("01", "02")):
        made = body(ticket=ticket(number), created_at=f"2026-01-{day}T00:00:00+00:00")
        record.certificates.keep(ticket(number), issue(made, chained.signer), b"", chained.signer)
    for name in ("s3_endpoint", "s3_access_key", "s3_bucket", "redis_url"):
        monkeypatch.setenv(f"LETHE_{name.upper()}", getattr(settings, name))
    monkeypatch.setenv("LETHE_S3_SECRET_KEY", settings.s3_secret_key.get_secret_value())
    read_settings.cache_clear()
    ended = lethe("certificate", "keys")
    read_settings.cache_clear()
    (row,) = [line.split() for line in ended.out.splitlines()[1:]]
    first, last = (f"2026-01-{day}T00:00:00+00:00" for day in ("01", "02"))
    assert row == [chained.signer.key_id, "2", first, last]


# --- what docs/ says ---

DOCS = Path(__file__).parents[2] / "docs"


def test_the_published_schema_is_the_one_that_is_checked() -> None:
    assert (DOCS / "certificate.schema.json").read_text() == lethe("certificate", "schema").out


def _block(language: str) -> str:
    """The first block of a language in docs/certificate.md."""
    text = (DOCS / "certificate.md").read_text()
    return text.split(f"```{language}\n")[1].split("```")[0]


@pytest.mark.parametrize("language", ["python", "sh"])
def test_the_documented_way_to_verify_without_lethe_works(
    language: str, signed: Signed, tmp_path: Path
) -> None:
    if language == "sh" and shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    script = tmp_path / "check"
    script.write_text(_block(language))
    program = {"python": [sys.executable], "sh": ["sh", "-e"]}[language]
    for flipped in (False, True):
        data = bytearray(signed.data)
        data[data.index(b'"seed":0') + 7] ^= flipped
        (tmp_path / "certificate.json").write_bytes(data)
        (tmp_path / "key.pub").write_bytes(signed.key.read_bytes())
        done = subprocess.run(
            [*program, script], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (done.returncode != 0) is flipped, done
        if language == "python" and not flipped:
            assert "passed t000000000000" in done.stdout
