"""Benchmarks that are kept as face sets: `lethe faces add` takes them, certification reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lethe.commands.faces import add_face_set
from lethe.commands.models import add_model
from storage.errors import BadInput
from storage.faces.sets import NoPeople, NoSuchFaceSet
from storage.models.registry import Model
from storage.record import Record
from tests.certification.pair_files import (
    comparisons,
    people,
    pictures,
    write_bin,
    write_lfw,
    write_template_lists,
)
from tests.cli.command import OWN_MODEL, lethe
from workers.certification.verification import VerificationSet, read_verification
from workers.faces import load_face_set
from workers.verification import NoPairs, load_verification


def same(kept: VerificationSet, given: VerificationSet) -> bool:
    """In everything but the name."""
    rows = slice(0, len(given.crops))
    return (
        (kept.digest, kept.kind) == (given.digest, given.kind)
        and np.array_equal(kept.pairs, given.pairs)
        and np.array_equal(kept.mated, given.mated)
        and np.array_equal(kept.folds, given.folds)
        and np.array_equal(kept.crops[rows], given.crops[rows])
    )


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    return write_bin(tmp_path / "lfw.bin", pictures(comparisons()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_lfw(tmp_path / "lfw", comparisons())


def test_a_kept_bin_is_the_benchmark_that_the_file_is(record: Record, packed: Path) -> None:
    kept = add_face_set(record, "kept", packed)
    assert kept.people == {}
    assert kept.pairs is not None
    assert len(kept.pairs) == 60
    assert kept.photos == len(set(pictures(comparisons())[0]))
    found = load_verification(record, "kept", 112)
    assert found.name == "kept"
    assert found.people is None
    assert same(found, read_verification(packed, 112))
    assert add_face_set(record, "kept", packed) == kept


def test_a_kept_lfw_folder_keeps_people_pairs_and_folds(record: Record, folder: Path) -> None:
    kept = add_face_set(record, "kept", folder)
    assert set(kept.people) == set(people())
    found, given = load_verification(record, "kept", 112), read_verification(folder, 112)
    assert same(found, given)
    assert found.pair_people is not None
    assert np.array_equal(found.pair_people[:, 0] == found.pair_people[:, 1], found.mated)
    assert set(load_face_set(record, "kept", 112).people) == set(people())


def test_other_pairs_of_the_same_faces_are_another_face_set(record: Record, folder: Path) -> None:
    add_face_set(record, "kept", folder)
    (folder / "pairs.txt").unlink()
    with pytest.raises(BadInput, match="kept: exists already with other faces"):
        add_face_set(record, "kept", folder)
    plain = add_face_set(record, "plain", folder)
    assert plain.pairs is None
    with pytest.raises(NoPairs, match=r"plain: holds no pairs to verify; add an InsightFace \.bin"):
        load_verification(record, "plain", 112)
    with pytest.raises(NoSuchFaceSet):
        load_verification(record, "absent", 112)


def test_a_bin_never_serves_as_reference_or_benchmark_faces(record: Record, packed: Path) -> None:
    add_face_set(record, "pairs", packed)
    why = "pairs: holds pairs and not who is in them, so it only serves as a verification benchmark"
    with pytest.raises(NoPeople, match=why):
        load_face_set(record, "pairs", 112)
    for model in (Model("door", "pairs", "later"), Model("door", "later", "pairs")):
        with pytest.raises(NoPeople, match=why):
            add_model(record, model, OWN_MODEL)
    assert record.models.all() == []


def test_a_bad_picture_or_list_keeps_all_out(record: Record, tmp_path: Path, folder: Path) -> None:
    found, labels = pictures(comparisons())
    bad = write_bin(tmp_path / "bad.bin", ([*found[:-1], found[-1][:200]], labels))
    with pytest.raises(BadInput, match=r"bad\.bin, picture 120 of 120: the picture breaks off"):
        add_face_set(record, "bad", bad)
    (folder / "pairs.txt").write_text("10\t300\n")
    with pytest.raises(BadInput, match=r"pairs\.txt: 0 pairs where the first line says"):
        add_face_set(record, "bad", folder)
    lists = write_template_lists(tmp_path / "lists")
    with pytest.raises(BadInput, match="template lists are not kept as a face set"):
        add_face_set(record, "bad", lists)
    with pytest.raises(BadInput, match=r"absent\.bin: not a folder"):
        add_face_set(record, "bad", tmp_path / "absent.bin")
    assert list(record.objects.names("")) == []


def test_the_command_says_which_formats_it_takes() -> None:
    text = " ".join(lethe("faces", "add", "--help").out.split())
    assert "NAME PATH" in text
    for words in ("one folder per person", "LFW's layout with pairs.txt", "lfw.bin"):
        assert words in text
