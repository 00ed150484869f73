"""Aliases: every move is one write and its own record, in a chain that shows what was altered."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from storage import object_names
from storage.canonical import Corrupt, sha256
from storage.leases import LeaseLost
from storage.models.registry import Reason, Version
from storage.record import Record
from tests.storage.conftest import MODEL

MOVES = f"models/{MODEL}/aliases/current/"
OLDER = f"models/{MODEL}/aliases/current.json"


@pytest.fixture
def line(publish: Callable[..., Version]) -> list[Version]:
    """Three versions, each made from the one before, each current in its turn."""
    versions = [publish(b"one")]
    for data in (b"two", b"three"):
        versions.append(publish(data, parent=versions[-1]))
    return versions


def promote(record: Record, number: int, actor: str = "grace") -> None:
    with record.leases.hold("model", MODEL) as lease:
        assert lease is not None
        record.models.promote(MODEL, number, actor, lease)


def test_a_move_records_what_who_why_and_under_which_token(record: Record, line: list[Version]):
    with record.leases.hold("model", MODEL) as lease:
        assert lease is not None
        record.models.promote(MODEL, 1, "grace", lease)
        token = lease.token
    newest, *_, oldest = record.models.moves(MODEL)
    assert (newest.alias, newest.version, newest.before) == ("current", 1, 3)
    assert (newest.digest, newest.actor, newest.reason) == (line[0].digest, "grace", "promoted")
    assert newest.token == token > oldest.token
    assert (oldest.version, oldest.before, oldest.reason) == (1, None, "published")
    assert list(record.objects.names(MOVES)) == [
        f"{MOVES}00000{number}.json" for number in range(1, 5)
    ]


def test_each_move_names_the_one_before_by_its_digest(record: Record, line: list[Version]):
    assert len(line) == 3
    documents = [record.objects.get_document(name) for name in record.objects.names(MOVES)]
    bodies = [record.objects.get(name) for name in record.objects.names(MOVES)]
    assert [document["previous"] for document in documents] == [None, *map(sha256, bodies[:2])]


def test_a_rollback_is_recorded_as_one(record: Record, line: list[Version]):
    with record.leases.hold("model", MODEL) as lease:
        assert lease is not None
        assert record.models.rollback(MODEL, "grace", lease) == line[1]
    move = record.models.moves(MODEL)[0]
    assert (move.version, move.before, move.reason) == (2, 3, Reason.ROLLED_BACK)
    assert record.models.find(MODEL) == line[1]
    assert record.ledger.verify().broken == ()


def test_a_move_under_an_older_token_is_refused(record: Record, line: list[Version]):
    with record.leases.hold("model", MODEL) as lease:
        assert lease is not None
        name = f"{MOVES}000003.json"
        document = record.objects.get_document(name)
        record.objects.put_document(name, {**document, "token": lease.token + 1})
        with pytest.raises(LeaseLost, match="under a newer lease"):
            record.models.promote(MODEL, 1, "late", lease)
    assert record.models.find(MODEL) == line[2]


def test_what_was_published_once_is_not_published_again_over_a_rollback(
    record: Record, line: list[Version]
):
    """A ticket that a crash left in mid-publication completes after people moved the alias."""
    with record.leases.hold("model", MODEL) as lease:
        assert lease is not None
        record.models.rollback(MODEL, "grace", lease)
        record.models.release(line[2], "worker", lease)
    assert record.models.find(MODEL) == line[1]


def damages(record: Record) -> dict[str, Callable[[], object]]:
    objects, names = record.objects, list(record.objects.names(MOVES))

    def change(name: str, **values: object) -> object:
        return objects.put_document(name, {**objects.get_document(name), **values})

    return {
        "000001.json: is missing": lambda: objects.remove_all(names[0]),
        "000002.json: is missing": lambda: objects.remove_all(names[1]),
        "000003.json: names another": lambda: change(names[1], actor="mallory"),
        "000002.json: names another": lambda: change(names[1], previous="0" * 64),
        "000002.json: the entry of another": lambda: change(names[1], number=7),
        "000003.json: written under an older": lambda: change(names[2], token=1),
        "000002.json: names version 2 before it, not 1": lambda: change(names[1], before=2),
        "000003.json: names no version": lambda: change(names[2], version=2),
        "000003.json: not a move": lambda: change(names[2], reason="because"),
        "000003.json: not a move of": lambda: change(names[2], alias="candidate"),
        "000002.json: not an entry": lambda: change(names[1], at="soon"),
        "000001.json: not JSON": lambda: objects.put(names[0], b"{"),
        "zero.json: no entry": lambda: objects.put(f"{MOVES}zero.json", b"{}"),
        "999999.json is there": lambda: objects.put(f"{MOVES}999999.json", b"{}"),
    }


def test_each_broken_link_is_reported(record: Record, line: list[Version]):
    assert len(line) == 3
    intact = {name: record.objects.get(name) for name in record.objects.names(MOVES)}
    assert record.ledger.verify().broken == ()
    for what, damage in damages(record).items():
        damage()
        broken = record.ledger.verify().broken
        assert any(text.startswith(MOVES) and what in text for text in broken), what
        record.objects.remove_all(MOVES)
        for name, data in intact.items():
            record.objects.put(name, data)
    assert record.ledger.verify().broken == ()


def test_two_broken_links_are_two_lines(record: Record, line: list[Version]):
    assert len(line) == 3
    record.objects.remove_all(f"{MOVES}000001.json")
    record.objects.put(f"{MOVES}000003.json", b"{}")
    lines = [text for text in record.ledger.verify().broken if text.startswith(MOVES)]
    assert [text.removeprefix(MOVES)[:11] for text in lines] == ["000001.json", "000003.json"]


def test_an_alias_with_a_missing_move_is_not_followed(record: Record, line: list[Version]):
    assert len(line) == 3
    record.objects.remove_all(f"{MOVES}000002.json")
    with pytest.raises(Corrupt, match=r"000002\.json: is missing"):
        record.models.find(MODEL)
    with pytest.raises(Corrupt, match=r"000002\.json: is missing"):
        record.models.aliases(MODEL)


@pytest.fixture
def older(record: Record, line: list[Version]) -> list[Version]:
    """The same versions as an installation before the moves were recorded had them."""
    document = {
        "alias": "current", "version": 3, "digest": line[2].digest, "before": 2, "token": 7,
        "actor": "ada", "at": "2026-01-31T10:00:00+00:00",
    }  # fmt: skip
    record.objects.remove_all(MOVES)
    record.objects.put_document(OLDER, document)
    for version in line:
        folder = object_names.version(MODEL, version.number)
        data = record.objects.get(version.object("model.onnx"))
        document = record.objects.get_document(f"{folder}manifest.json")
        record.objects.remove_all(folder)
        record.objects.put(f"{folder}model.onnx", data)
    parent = None
    for version in line:
        manifest = {
            "format": 1, "model": MODEL, "version": version.number, "parent": parent,
            "files": version.files, "made_by": version.made_by, "created_at": version.created_at,
        }  # fmt: skip
        parent = record.objects.put_document(object_names.manifest(MODEL, version.number), manifest)
    written = record.objects.get_document(OLDER)
    record.objects.put_document(OLDER, {**written, "digest": parent})
    return record.models.versions(MODEL)


def test_an_alias_of_an_older_installation_is_followed_and_its_moves_go_on_from_it(
    record: Record, older: list[Version]
):
    assert record.models.find(MODEL) == older[2]
    assert record.models.aliases(MODEL) == {"current": 3}
    assert record.ledger.verify().broken == ()
    with record.leases.hold("model", MODEL) as lease:
        assert lease is not None
        assert record.models.rollback(MODEL, "grace", lease) == older[1]
    first = record.objects.get_document(f"{MOVES}000001.json")
    assert first["previous"] == sha256(record.objects.get(OLDER))
    assert [(move.version, move.reason) for move in record.models.moves(MODEL)] == [
        (2, "rolled back"),
        (3, ""),
    ]
    assert record.models.aliases(MODEL) == {"current": 2}
    audit = record.ledger.verify()
    assert (audit.aliases, audit.broken) == (1, ())


def test_an_older_alias_that_is_altered_or_gone_is_missed(record: Record, older: list[Version]):
    assert older[0].format == 1
    promote(record, 1)
    before = record.objects.get(OLDER)
    record.objects.put_document(OLDER, {**record.objects.get_document(OLDER), "actor": "mallory"})
    for _ in range(2):
        (broken,) = record.ledger.verify().broken
        assert broken.startswith(f"{MOVES}000001.json: names another entry before it")
        record.objects.remove_all(OLDER)
    record.objects.put(OLDER, before)
    assert record.ledger.verify().broken == ()


def test_an_older_alias_that_is_none_is_refused_by_name(record: Record, older: list[Version]):
    assert len(older) == 3
    for data in (b"", b"{}", b"[]", b'{"version":"one"}', b'{"version":3,"digest":"","at":"x"}'):
        record.objects.put(OLDER, data)
        with pytest.raises(Corrupt, match=f"^{OLDER}: "):
            record.models.find(MODEL)
        assert any(text.startswith(f"{OLDER}: ") for text in record.ledger.verify().broken)


def test_the_files_of_an_older_version_are_found_and_checked(record: Record, older: list[Version]):
    record.models.check_files(older[0])
    record.objects.put(f"models/{MODEL}/versions/000001/model.onnx", b"evil")
    with pytest.raises(Corrupt, match=r"^models/.*/000001/model\.onnx: has SHA-256"):
        record.models.check_files(older[0])
