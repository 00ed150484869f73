"""A model file becomes version 1 of a new model, once it is checked."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from storage.audit.entry import Act, Fact
from storage.faces.sets import NoSuchFaceSet
from storage.models.desk import ModelBusy
from storage.models.registry import MODEL_FILE, Model, ModelExists, Version
from storage.record import Record
from workers.recognizer import Recognizer
from workers.verification import load_verification


def add_model(
    record: Record, model: Model, path: Path, actor: str, facts: Mapping[str, Any] | None = None
) -> Version:
    """Checks the file, then keeps it as version 1 of a new model.

    Args:
        facts: what the version's manifest says besides where it came from.

    Raises:
        BadModel, ModelExists, ModelBusy, LeaseLost
        NoPeople: a face set that only serves as a verification benchmark.
        NoPairs: a face set that cannot serve as one.
        BadPhoto: a picture in one is no crop of the model's input size.
    """
    recognizer = check_model(record, model, path)
    record.models.create(model)
    made_by = {"import": path.name, "embedding_size": recognizer.embedding_size, **(facts or {})}
    with record.leases.hold("model", model.name) as lease:
        if lease is None:
            raise ModelBusy(f"model {model.name}: somebody else adds it just now")
        if record.models.numbers(model.name):  # whoever had the lease before was faster
            raise ModelExists(f"model {model.name}: exists already; choose another name")
        told: dict[str, Fact] = {"version": 1, "file": path.name, "sha256": recognizer.sha256}
        record.audit.write(actor, Act.VERSION_IMPORTED, model.name, told)
        version = record.models.publish(
            model.name, {MODEL_FILE: path}, made_by, parent=None, lease=lease
        )
        record.models.point(model.name, "current", version, actor, lease)
    return version


def check_model(record: Record, model: Model, path: Path) -> Recognizer:
    """Whether the file is a recogniser that Lethe can train, and the face sets fit it.

    Raises:
        BadModel, NoPeople, NoPairs, BadPhoto
    """
    for faces in (model.reference_faces, model.benchmark_faces):
        with suppress(NoSuchFaceSet):  # it may be added later
            record.faces.get(faces).check_people()
    recognizer = Recognizer.load(path, record.settings.model_bytes)
    for pairs in model.verification:
        with suppress(NoSuchFaceSet):
            load_verification(record, pairs, recognizer.input_size).check()
    return recognizer
