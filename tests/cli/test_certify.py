"""`lethe certify`: what it prints, and the signed certificate that it writes without a server."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import workers.certify_files
from lethe.commands.outputs import write_outputs
from storage.canonical import canonical, file_sha256, sha256
from storage.certificates.issued import Signer, issue, write_new_key
from tests.cli.command import OWN_MODEL, Ended, lethe
from tests.cli.conftest import Folders
from tests.storage.bodies import body
from workers.certification import certify
from workers.recognizer import Recognizer

QUICK = frozenset({"prototype", "pooled", "membership"})  # training anything takes 20 s


def perturbed(path: Path, seed: int) -> Path:
    """Another version of our own model: no erasure, so each certificate of it is refused."""
    model = onnx.load(OWN_MODEL)
    name = Recognizer.load(OWN_MODEL).last_linear.bias
    tensor = next(found for found in model.graph.initializer if found.name == name)
    values = onnx.numpy_helper.to_array(tensor)
    noise = np.random.default_rng(seed).normal(0, 1e-4, values.shape).astype(values.dtype)
    tensor.CopyFrom(onnx.numpy_helper.from_array(values + noise, tensor.name))
    onnx.save(model, path)
    return path


@dataclass
class Office:
    """Two versions made one after the other, a key, and where its certificates go."""

    folder: Path
    folders: Folders

    def __post_init__(self) -> None:
        write_new_key(self.private)
        self.key.write_bytes(Signer.from_file(self.private).public_pem())
        self.versions = (
            Path(shutil.copy(OWN_MODEL, self.folder / "Door..Cameras 1.onnx")),
            perturbed(self.folder / "second.onnx", 1),
            perturbed(self.folder / "third.onnx", 2),
        )

    @property
    def private(self) -> Path:
        return self.folder / "certificates.pem"

    @property
    def key(self) -> Path:
        return self.folder / "certificates.pub"

    def certify(self, old: int, name: str, *more: str | Path) -> Ended:
        """From version ``old`` to the next."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LETHE_SIGNING_KEY_FILE", str(self.private))
            patch.setattr(workers.certify_files, "certify", partial(certify, attacks=QUICK))
            return self.unsigned(old, name, "--certificate", self.folder / f"{name}.json", *more)

    def unsigned(self, old: int, name: str, *more: str | Path) -> Ended:
        before, after = self.versions[old : old + 2]
        return lethe(
            "certify", before, after, "--subject", self.folders.held_out,
            "--benchmark", self.folders.benchmark, "--report", self.folder / f"{name}-report.json",
            *more,
        )  # fmt: skip

    def verify(self, name: str, *more: str | Path) -> Ended:
        return lethe(
            "certificate", "verify", self.folder / f"{name}.json", "--key", self.key, *more
        )

    def body(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / f"{name}.json").read_bytes())
        return dict(found["certificate"])


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory, folders: Folders) -> Office:
    """Where nothing has been certified, and nothing is."""
    return Office(tmp_path_factory.mktemp("empty"), folders)


@dataclass
class Chain:
    office: Office
    first: Ended
    second: Ended


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory, folders: Folders) -> Chain:
    """Two certificates, the second after the first."""
    office = Office(tmp_path_factory.mktemp("chain"), folders)
    first = office.certify(0, "first", "--seed", "5")
    second = office.certify(1, "second", "--previous", office.folder / "first.json")
    return Chain(office, first, second)


def test_a_certificate_made_without_a_server_verifies_with_both_files(chain: Chain) -> None:
    office = chain.office
    old, new, _ = office.versions
    ended = office.verify("first", "--old", old, "--new", new)
    assert (ended.status, ended.err) == (0, "")
    assert f"parent 1: {old} is the certified file" in ended.out
    assert f"version 2: {new} is the certified file" in ended.out
    line = office.verify("first", "--new", old).refusal()
    assert f"{old} has {file_sha256(old)[:12]}" in line


def test_a_refused_verdict_is_certified_as_refused(chain: Chain) -> None:
    assert (chain.first.status, chain.second.status) == (3, 3), chain.first
    assert "verdict: refused" in chain.office.verify("first").out
    found = chain.office.body("first")
    assert found["verdict"] == "refused"
    assert f"ticket {found['ticket']}, model door-cameras-1, key" in chain.first.out


def test_it_names_versions_by_manifests_that_anyone_can_make_again(chain: Chain) -> None:
    old, new, _ = chain.office.versions
    found = chain.office.body("first")
    before = {
        "files": {"model.onnx": file_sha256(old)},
        "model": "door-cameras-1",
        "parent": None,
        "version": 1,
    }
    first = sha256(canonical(before))
    files = {"model.onnx": file_sha256(new)}
    after = {**before, "files": files, "parent": first, "version": 2}
    assert found["parent"] == {"number": 1, "digest": first, "files": before["files"]}
    assert found["version"] == {"number": 2, "digest": sha256(canonical(after)), "files": files}
    assert found["imported_version"] == first
    assert found["previous_certificate"] is None
    assert (found["seed"], found["resampling_seed"]) == (5, 5)
    assert found["software"].startswith("lethe ")


def test_the_certificate_of_the_next_erasure_follows_it_back_to_the_import(chain: Chain) -> None:
    office = chain.office
    found = office.body("second")
    assert found["parent"] == office.body("first")["version"]
    assert (found["version"]["number"], found["model"]) == (3, "door-cameras-1")
    ended = office.verify("second", "--previous", office.folder / "first.json")
    assert "chain: 2 certificates, each names the one before it" in ended.out
    assert "chain: back to the import of door-cameras-1" in ended.out


def test_no_digest_of_the_subject_s_photos_is_the_same_twice(chain: Chain) -> None:
    one, two = chain.office.body("first"), chain.office.body("second")
    digests = [own[name] for own in (one, two) for name in
               ("photos", "forget_photos", "held_out_photos")]  # fmt: skip
    assert len(set(digests)) == 6
    assert one["face_sets"] == two["face_sets"]  # the benchmark's is there to be compared
    text = (chain.office.folder / "first.json").read_text()
    assert chain.office.folders.held_out.name not in text


def test_every_rule_has_a_line_of_at_most_100_letters(chain: Chain) -> None:
    lines = chain.first.out.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("rules required"))
    table = lines[start : lines.index("", start)]
    assert max(map(len, table)) <= 100
    required, others = (
        [line.split()[0] for line in part if line.startswith("  ") and line[2] != " "]
        for part in _split(table, "rules not required")
    )
    rules = chain.office.body("first")["rules"]
    assert required == [rule["id"] for rule in rules if rule["required"]]
    assert others == [rule["id"] for rule in rules if not rule["required"]]
    forgotten = next(rule for rule in rules if rule["id"] == "forgotten")
    row = next(line for line in table if line.startswith("  forgotten "))
    low, high = forgotten["interval"]
    shown = f"{forgotten['estimate']:.4f} [{low:.4f}, {high:.4f}] ≤ 0.1 {forgotten['outcome']}"
    assert row.split() == ["forgotten", *shown.split()]


def _split(lines: list[str], head: str) -> tuple[list[str], list[str]]:
    at = next(n for n, line in enumerate(lines) if line.startswith(head))
    return lines[:at], lines[at:]


def test_attacks_are_shown_with_before_after_and_reference_or_as_not_examined(
    chain: Chain,
) -> None:
    _, block = _split(
        chain.first.out.splitlines(), f"attacks on {chain.office.folders.held_out.name}"
    )
    assert block[0].split()[-3:] == ["before", "after", "reference"]
    (subject,) = chain.office.body("first")["figures"]["subjects"]
    row = next(line for line in block if "before the last layer: photos match" in line)
    figures = [subject[name]["estimate"] for name in ("pooled_tmr_before", "pooled_tmr")]
    assert row.split()[-3:] == [*(f"{value:.3f}" for value in figures), "–"]
    at = next(n for n, line in enumerate(block) if "membership of the training set" in line)
    assert block[at].endswith("not examined")
    assert block[at + 1].strip() == "no training set is registered"


def nothing_is_written(office: Office) -> bool:
    return not list(office.folder.glob("*.json")) + list(office.folder.glob("*.html"))


def test_without_a_key_nothing_is_measured(empty: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LETHE_SIGNING_KEY", "LETHE_SIGNING_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    ended = empty.unsigned(0, "a", "--certificate", empty.folder / "a.json")
    assert ended.refusal().startswith("no signing key: set LETHE_SIGNING_KEY_FILE to an Ed25519")
    assert ended.out == ""
    assert nothing_is_written(empty)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (["--subject", "."], "a certificate is about one subject, and 2 are given"),
        (["--model", "Door"], "model name 'Door': use 1 to 64 of a-z"),
        (["--previous", "absent.json"], "absent.json: No such file or directory"),
        (
            ["--certificate", "{folder}/certificates.pem"],
            "is read, too; give the certificate another",
        ),
        (["--report", "{new}"], "is read, too; give the report another name"),
        (["--report", "{folder}/a.html"], "is to be the report and the page"),
        (["--report", "{folder}/absent/r.json"], "its folder is not there; make it first"),
    ],
)
def test_what_could_not_be_certified_or_written_is_refused_before_anything_is_measured(
    empty: Office, more: list[str], why: str
) -> None:
    given = [part.format(new=empty.versions[1], folder=empty.folder) for part in more]
    ended = empty.certify(0, "a", *given)
    assert why in ended.refusal()
    assert ended.out == ""
    assert nothing_is_written(empty)


def test_an_output_that_cannot_be_written_leaves_none_of_them(tmp_path: Path) -> None:
    (kept := tmp_path / "kept.json").write_bytes(b"before")
    with pytest.raises(OSError, match=r"absent/\.r\.html\.part"):
        write_outputs({kept: b"after", tmp_path / "absent" / "r.html": b"page"})
    assert kept.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [kept]
    write_outputs({kept: b"after", tmp_path / "r.html": b"page"})
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {b"after", b"page"}


def test_a_previous_certificate_of_another_file_key_or_model_is_refused(
    chain: Chain, tmp_path: Path
) -> None:
    office = chain.office
    first = office.folder / "first.json"
    line = office.certify(0, "again", "--previous", first).refusal()
    assert line.startswith(f"{first}: its new version has SHA-256")
    assert f"give the certificate of the erasure that made {office.versions[0]}" in line
    assert "is of model door-cameras-1" in (
        office.certify(1, "again", "--previous", first, "--model", "gate").refusal()
    )
    write_new_key(tmp_path / "other.pem")
    (tmp_path / "other.json").write_bytes(issue(body(), Signer.from_file(tmp_path / "other.pem")))
    line = office.certify(1, "again", "--previous", tmp_path / "other.json").refusal()
    assert "use the key it was signed with" in line
    assert not (office.folder / "again.json").exists()


def test_a_model_or_previous_certificate_without_a_certificate_is_refused(empty: Office) -> None:
    line = empty.unsigned(0, "a", "--model", "door").refusal()
    assert line == "--model and --previous: are for a certificate; give --certificate C.json"
