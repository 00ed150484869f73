"""Models: versions that name their parents, aliases that move, files that are checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from storage.canonical import Corrupt, sha256
from storage.errors import BadInput
from storage.leases import LeaseLost
from storage.models.registry import MODEL_FILE, Model, ModelExists, NoSuchModel, Version
from storage.names import BadName
from storage.record import Record
from tests.storage.conftest import MODEL


@pytest.fixture
def line(publish: Callable[..., Version]) -> list[Version]:
    """Three versions, each made from the one before."""
    versions = [publish(b"one")]
    for data in (b"two", b"three"):
        versions.append(publish(data, parent=versions[-1]))
    return versions


def test_each_version_names_its_parent_by_digest(record: Record, line: list[Version]):
    assert record.models.versions(MODEL) == line
    assert [version.number for version in line] == [1, 2, 3]
    assert [version.parent for version in line] == [None, line[0].digest, line[1].digest]
    assert len({version.digest for version in line}) == 3


def test_a_version_s_digest_is_that_of_its_manifest(record: Record, line: list[Version]):
    manifest = record.objects.get(f"models/{MODEL}/versions/000002/manifest.json")
    assert line[1].digest == sha256(manifest)
    assert line[1].files == {MODEL_FILE: sha256(b"two")}


def test_a_reference_is_a_name_an_alias_or_a_number(record: Record, line: list[Version]):
    first, second, third = line
    assert record.models.find(MODEL) == third
    assert record.models.find(f"{MODEL}@current") == third
    assert record.models.find(f"{MODEL}@1") == first
    with record.leases.hold("model", MODEL) as lease:
        assert lease is not None
        record.models.point(MODEL, "candidate", second, "ada", lease)
    assert record.models.find(f"{MODEL}@candidate") == second
    assert record.models.aliases(MODEL) == {"current": 3, "candidate": 2}


def test_a_reference_to_nothing_is_refused_by_name(record: Record, line: list[Version]):
    assert len(line) == 3
    nothing = ["4", "0", "-1", "latest", "²", "٣", "9" * 5000, "1@1", "../1", "candidate", "x" * 99]
    for which in nothing:
        with pytest.raises(BadInput, match=f"model {MODEL}") as error:
            record.models.find(f"{MODEL}@{which}")
        assert len(str(error.value)) < 150


def test_a_reference_that_is_no_name_is_refused(record: Record):
    for name in ("", "@1", "../x", "A", "a/b", "a..b"):
        with pytest.raises(BadName):
            record.models.find(name)


def test_the_target_of_a_rollback_is_the_parent(record: Record, line: list[Version]):
    assert record.models.rollback_target(MODEL) == line[1]
    with record.leases.hold("model", MODEL) as lease:
        assert lease is not None
        record.models.point(MODEL, "current", line[0], "ada", lease)
    with pytest.raises(NoSuchModel, match="version 1 is the import; nothing to roll back to"):
        record.models.rollback_target(MODEL)


def test_publishing_with_a_lost_lease_makes_no_version(
    record: Record, line: list[Version], tmp_path: Path
):
    path = tmp_path / "late.onnx"
    path.write_bytes(b"late")
    with record.leases.hold("model", MODEL) as late:
        assert late is not None
        record.redis.delete(f"lethe:lease:model:{MODEL}")  # it slept, and the lease ran out
        with record.leases.hold("model", MODEL) as newer:
            assert newer is not None
            with pytest.raises(LeaseLost):
                record.models.publish(MODEL, {MODEL_FILE: path}, {}, parent=line[2], lease=late)
            with pytest.raises(LeaseLost):
                record.models.point(MODEL, "current", line[0], "late", late)
            made = record.models.publish(MODEL, {MODEL_FILE: path}, {}, parent=line[2], lease=newer)
    assert made.number == 4
    assert record.models.versions(MODEL) == [*line, made]
    assert record.models.aliases(MODEL) == {"current": 3}


class _Paused(dict[str, Path]):
    """Files that let somebody else work after the number is chosen, before they are written."""

    def __init__(self, files: dict[str, Path], meanwhile: Callable[[], object]) -> None:
        super().__init__(files)
        self._meanwhile = meanwhile

    def items(self):
        self._meanwhile()
        return super().items()


def test_a_publisher_that_slept_cannot_write_over_the_version_made_meanwhile(
    record: Record, line: list[Version], publish: Callable[..., Version], tmp_path: Path
):
    late = tmp_path / "late.onnx"
    late.write_bytes(b"late")

    def overtake() -> None:
        record.redis.delete(f"lethe:lease:model:{MODEL}")  # it slept, and the lease ran out
        publish(b"in time", parent=line[2])

    files = _Paused({MODEL_FILE: late}, overtake)
    with record.leases.hold("model", MODEL) as slept:
        assert slept is not None
        with pytest.raises(LeaseLost):
            record.models.publish(MODEL, files, {}, parent=line[2], lease=slept)
    made = record.models.find(MODEL)
    assert (made.number, made.files) == (4, {MODEL_FILE: sha256(b"in time")})
    record.models.check_files(made)


def test_pulled_files_are_those_that_were_published(
    record: Record, line: list[Version], tmp_path: Path
):
    path = record.models.pull(line[1], tmp_path / "out")
    assert path == tmp_path / "out" / MODEL_FILE
    assert path.read_bytes() == b"two"


def test_an_altered_file_is_refused_by_name_and_not_left_behind(
    record: Record, line: list[Version], tmp_path: Path
):
    name = line[1].object(MODEL_FILE)
    record.objects.put(name, b"evil")
    with pytest.raises(Corrupt, match=f"^{name}: "):
        record.models.pull(line[1], tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    with pytest.raises(Corrupt, match=f"^{name}: "):
        record.models.check_files(line[1])


def test_the_manifest_of_another_version_or_model_is_refused(
    record: Record, line: list[Version], publish: Callable[..., Version]
):
    other = publish(model="gate")
    name = f"models/{MODEL}/versions/000001/manifest.json"
    for source in (
        f"models/{MODEL}/versions/000002/manifest.json",
        f"models/{other.model}/versions/000001/manifest.json",
    ):
        record.objects.put(name, record.objects.get(source))
        with pytest.raises(Corrupt, match=f"^{name}: the manifest of another version"):
            record.models.version(MODEL, 1)
    assert record.models.find(MODEL) == line[2]


def test_an_altered_manifest_is_refused_where_its_alias_is_followed(
    record: Record, line: list[Version]
):
    name = f"models/{MODEL}/versions/000003/manifest.json"
    record.objects.put(line[2].object(MODEL_FILE), b"evil")
    document = record.objects.get_document(name)
    record.objects.put_document(name, {**document, "files": {MODEL_FILE: sha256(b"evil")}})
    for reference in (MODEL, f"{MODEL}@current"):
        with pytest.raises(Corrupt, match=name):
            record.models.find(reference)
    assert any(name in text or "/current/" in text for text in record.ledger.verify().broken)
    assert record.models.find(f"{MODEL}@2") == line[1]


def test_a_forged_manifest_cannot_name_a_file_outside_the_folder(
    record: Record, publish: Callable[..., Version]
):
    publish()
    name = f"models/{MODEL}/versions/000001/manifest.json"
    document = record.objects.get_document(name)
    for file in ("../evil", "/etc/evil", "a/b", "..", ".", ""):
        record.objects.put_document(name, {**document, "files": {file: sha256(b"x")}})
        with pytest.raises(Corrupt, match=f"^{name}: "):
            record.models.version(MODEL, 1)


def test_a_manifest_that_is_none_is_refused_by_name(
    record: Record, publish: Callable[..., Version]
):
    publish()
    name = f"models/{MODEL}/versions/000001/manifest.json"
    start = b'{"format":2,"model":"door-cameras","version":1,"created_at":"","made_by":{}'
    for data in (
        b"",
        b"[]",
        b"{}",
        b'{"model":"door-cameras","version":1}',
        start + b',"parent":null,"files":7}',
        start + b',"parent":null,"files":{"model.onnx":7}}',
        start + b',"parent":NaN,"files":{}}',
    ):
        record.objects.put(name, data)
        with pytest.raises(Corrupt, match=f"^{name}: "):
            record.models.version(MODEL, 1)


def test_an_alias_that_is_none_is_refused_by_name(record: Record, publish: Callable[..., Version]):
    publish()
    name = f"models/{MODEL}/aliases/current/000001.json"
    for data in (b"", b"{}", b"[]", b'{"version":"one"}', b'{"version":null}'):
        record.objects.put(name, data)
        with pytest.raises(Corrupt, match=f"^{name}: "):
            record.models.find(MODEL)


def test_a_name_is_given_to_one_model_alone(record: Record, publish: Callable[..., Version]):
    publish()
    with pytest.raises(ModelExists, match="exists already"):
        record.models.create(Model(MODEL, "other", "other"))
    assert record.models.get(MODEL).reference_faces == "reference"


def test_a_model_names_its_verification_sets_and_older_documents_name_none(record: Record):
    given = Model("door", "reference", "benchmark", ("lfw", "agedb-30"))
    record.models.create(given)
    assert record.models.get("door") == given
    name = "models/door/model.json"
    document = record.objects.get_document(name)
    del document["verification"]
    record.objects.put_document(name, document)
    assert record.models.get("door") == Model("door", "reference", "benchmark")
    with pytest.raises(BadName, match="face set name"):
        record.models.create(Model("gate", "reference", "benchmark", ("../lfw",)))


def test_models_are_listed_by_name(record: Record):
    for name in ("gate", "door"):
        record.models.create(Model(name, "reference", "benchmark"))
    assert [model.name for model in record.models.all()] == ["door", "gate"]
    assert record.models.recorded() == ["door", "gate"]


def test_a_model_without_a_version_has_no_current_one(record: Record):
    record.models.create(Model("door", "reference", "benchmark"))
    with pytest.raises(NoSuchModel, match="door: no alias 'current'"):
        record.models.find("door")


def test_an_import_that_died_before_its_version_is_done_again(record: Record):
    model = Model(MODEL, "reference", "benchmark")
    record.models.create(model)
    record.models.create(model)
    assert record.models.all() == [model]
    with pytest.raises(ModelExists):
        record.models.create(Model(MODEL, "others", "benchmark"))
