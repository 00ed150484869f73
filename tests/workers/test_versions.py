"""A version's file that is no network: said with the version's name alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.errors import BadInput
from storage.models.registry import MODEL_FILE
from tests.workers.workshop import MODEL, Workshop
from workers import versions


def test_a_file_that_is_no_network_is_named_by_its_version_and_by_no_path_of_the_worker(
    cloakroom: Workshop, tmp_path: Path
) -> None:
    models, broken = cloakroom.record.models, tmp_path / MODEL_FILE
    broken.write_bytes(b"no network")
    with cloakroom.record.leases.hold("model", MODEL) as lease:
        assert lease is not None
        files = {MODEL_FILE: broken}
        made = models.publish(MODEL, files, {}, parent=models.find(MODEL), lease=lease)
    with pytest.raises(BadInput) as error:
        versions.recognizer(cloakroom.record, made)
    line = str(error.value)
    assert line.startswith(f"model {MODEL}, version 2: is not an ONNX file")
    assert str(cloakroom.settings.cache_dir) not in line
