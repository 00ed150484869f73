"""The task ``import_model``: a file becomes version 1, once, or is refused in a line."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

import workers.import_model
from storage import keys, object_names
from storage.audit.entry import Act
from storage.models.desk import ModelDesk, Upload
from storage.models.imports import Import, NoSuchImport
from storage.models.registry import Model
from storage.queue import CPU
from storage.settings import Settings
from tests.workers.cast import RECOGNISER
from tests.workers.workshop import Workshop, opened
from workers.import_model import import_model, send_again

DOOR = Model("front-door", "reference", "benchmark")


@pytest.fixture
def hall(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    """A record with two face sets and no model; workers with an import folder."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    monkeypatch.setenv("LETHE_IMPORT_DIR", str(folder))
    config = settings.model_copy(update={"import_dir": folder, "task_attempts": 2})
    with opened(config) as workshop:
        for name in (DOOR.reference_faces, DOOR.benchmark_faces):
            workshop.record.faces.add(name, {f"somebody in {name}": [name.encode()]})
        yield workshop


def uploaded(hall: Workshop, data: bytes | None = None) -> str:
    data = RECOGNISER.read_bytes() if data is None else data
    upload = Upload("w600k_r50.onnx", io.BytesIO(data), len(data))
    return ModelDesk(hall.record, hall.queue).import_(DOOR, upload, "grace").id


def named(hall: Workshop, file: str) -> str:
    return ModelDesk(hall.record, hall.queue).import_(DOOR, file, "grace").id


def ended(hall: Workshop, id_: str) -> Import:
    found = hall.record.imports.get(id_)
    assert found.outcome is not None
    return found


def refusal(hall: Workshop, id_: str) -> str:
    found = ended(hall, id_)
    assert found.outcome is not None
    assert found.outcome.version is None
    assert hall.record.models.numbers(DOOR.name) == []
    return found.outcome.refusal


def test_an_upload_becomes_version_1_and_current_and_is_removed(hall: Workshop) -> None:
    id_ = uploaded(hall)
    import_model(id_)
    version = hall.record.models.find(DOOR.name)
    assert (version.number, version.parent) == (1, None)
    assert version.made_by["import"] == "w600k_r50.onnx"
    assert version.made_by["by"] == "grace"
    assert hall.record.models.get(DOOR.name) == DOOR
    assert hall.record.objects.get(version.object("model.onnx")) == RECOGNISER.read_bytes()
    assert not hall.record.objects.exists(object_names.import_file(id_))
    entry = hall.record.audit.newest(Act.VERSION_IMPORTED)
    assert entry is not None
    assert (entry.actor, entry.about, entry.facts["version"]) == ("grace", DOOR.name, 1)


def test_a_second_delivery_changes_nothing(hall: Workshop) -> None:
    id_ = uploaded(hall)
    import_model(id_)
    before = ended(hall, id_)
    import_model(id_)
    assert ended(hall, id_) == before
    assert hall.record.models.numbers(DOOR.name) == [1]
    import_model("i000000000000")  # one that was removed since


def test_a_worker_that_was_killed_after_it_published_leaves_no_second_version(
    hall: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = uploaded(hall)

    def killed(*_: object, **__: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("storage.models.registry.Models.point", killed)
        with pytest.raises(SystemExit):
            import_model(id_)
    assert hall.record.models.aliases(DOOR.name) == {}
    import_model(id_)
    outcome = ended(hall, id_).outcome
    assert outcome is not None
    assert outcome.version == 1
    assert hall.record.models.numbers(DOOR.name) == [1]
    assert hall.record.models.aliases(DOOR.name) == {"current": 1}


def test_what_is_no_recogniser_is_refused_by_its_name_without_the_worker_s_folders(
    hall: Workshop,
) -> None:
    id_ = uploaded(hall, b"not a model")
    import_model(id_)
    line = refusal(hall, id_)
    assert line.startswith("w600k_r50.onnx: is not an ONNX file")
    assert str(hall.settings.cache_dir) not in line


def test_two_imports_of_one_name_make_one_model(hall: Workshop) -> None:
    first, second = uploaded(hall), uploaded(hall)
    import_model(first)
    import_model(second)
    outcome = ended(hall, second).outcome
    assert outcome is not None
    assert outcome.refusal == f"model {DOOR.name}: exists already; choose another name"
    assert hall.record.models.numbers(DOOR.name) == [1]


def test_a_file_of_the_import_folder_becomes_version_1_and_stays_there(hall: Workshop) -> None:
    assert hall.settings.import_dir is not None
    file = hall.settings.import_dir / "door.onnx"
    file.write_bytes(RECOGNISER.read_bytes())
    import_model(named(hall, "door.onnx"))
    assert hall.record.models.find(DOOR.name).made_by["import"] == "door.onnx"
    assert file.exists()


def test_of_the_import_folder_neither_links_nor_folders_nor_absent_files_are_read(
    hall: Workshop, tmp_path: Path
) -> None:
    assert hall.settings.import_dir is not None
    (tmp_path / "secret.onnx").write_bytes(RECOGNISER.read_bytes())
    (hall.settings.import_dir / "link.onnx").symlink_to(tmp_path / "secret.onnx")
    (hall.settings.import_dir / "folder.onnx").mkdir()
    for file, why in (
        ("link.onnx", "is not in the workers' import folder"),
        ("absent.onnx", "is not in the workers' import folder"),
        ("folder.onnx", "is no plain file"),
    ):
        id_ = named(hall, file)
        import_model(id_)
        assert refusal(hall, id_).startswith(f"{file}: {why}")


def test_an_import_that_died_is_sent_again_and_then_given_up(hall: Workshop) -> None:
    id_, redis = uploaded(hall), hall.record.redis
    redis.delete(CPU)  # the queue lost it
    send_again(hall.record)
    assert hall.queue.length(CPU) == 1
    send_again(hall.record)
    assert hall.queue.length(CPU) == 1  # it waits there already
    redis.set(keys.attempts(id_), 2)
    redis.delete(keys.sent("import", id_))
    with hall.record.leases.hold("import", id_):
        send_again(hall.record)
    assert hall.record.imports.get(id_).outcome is None  # somebody is at work
    send_again(hall.record)
    assert refusal(hall, id_).startswith("tried 2 times; its worker was killed each time")


def test_what_fails_without_reason_is_tried_again_so_often(
    hall: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(workers.import_model, "_fetch", full)
    id_ = uploaded(hall)
    import_model(id_)
    assert hall.record.imports.get(id_).outcome is None
    import_model(id_)
    assert refusal(hall, id_) == "tried 2 times; the last time: OSError"


def test_an_upload_that_nobody_asked_for_is_removed_once_it_is_old(hall: Workshop) -> None:
    id_ = uploaded(hall)
    hall.record.objects.remove_all(object_names.import_request(id_))
    assert hall.record.imports.tidy(orphan_seconds=3600) == []
    assert hall.record.imports.tidy(orphan_seconds=0) == [id_]
    assert list(hall.record.objects.names(object_names.IMPORTS)) == []
    with pytest.raises(NoSuchImport):
        hall.record.imports.get(id_)
