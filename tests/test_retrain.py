"""The retrain reference, small: three models of a few synthetic people, side by side."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import retrain
from benchmarks.retrain import ERASED, LINES, MODELS, RETRAINED, WITH, Size, network, network_file
from lethe.commands.demo import OWN_MODEL
from lethe.demo.people import make_person, take_photo
from lethe.demo.train_recogniser import photograph
from storage.errors import BadInput
from workers.recognizer import Recognizer

SIZE = Size(people=12, subjects=2, epochs=2, reference_models=1, seed=0)
SUBJECTS = ("s000000", "s000001")
# 90 searches set no threshold at FPIR 1e-2, 18 prototypes none at FMR 1e-3, 30 photos none at 1e-2
TOO_FEW = {"tpir", "prototype", "membership_tpr"}
Rows = dict[tuple[str, str], dict[str, str]]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the benchmark wrote of two subjects.

    A network that trained for seconds tells nobody apart and would be refused. So the demo's own
    one, which knows these subjects, is found three times in the cache, with another digest each.
    """
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("retrain")
    trainings = ((SIZE.trained, 0), (SIZE.trained_without, 0), (SIZE.trained_without, 1))
    for number, (seeds, seed) in enumerate(trainings):
        copy_with_another_digest(number, network_file(seeds, SIZE.epochs, seed, folder))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrain, "REFERENCE", 4)
        patch.setattr(retrain, "BENCHMARK", 9)
        patch.setattr(retrain, "NON_MEMBERS", 3)
        call("--people", 12, "--subjects", 2, "--epochs", 2, "--steps", 2, folder=folder)
    return folder


def copy_with_another_digest(number: int, file: Path) -> None:
    recognizer = Recognizer.load(OWN_MODEL)
    name = recognizer.last_linear.weight
    tensor = recognizer.file.array(name)
    recognizer.write(file, {name: tensor * np.float32(1 + number / 1024)})


def call(*options: object, folder: Path) -> None:
    ends = ("--reference-models", 1, "--cache", folder, "--out", folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["retrain", *map(str, (*options, *ends))])
        retrain.main()


def rows(folder: Path) -> Rows:
    with (folder / "retrain.csv").open(newline="") as file:
        return {(row["subject"], row["model"]): row for row in csv.DictReader(file)}


def test_the_csv_has_every_subject_by_the_three_models(out: Path) -> None:
    found = rows(out)
    assert list(found) == [(subject, model) for subject in SUBJECTS for model in MODELS]
    for row in found.values():
        assert {name for name, value in row.items() if not value} == TOO_FEW


def test_the_same_network_retrained_gives_the_same_figures_and_an_erased_one_others(
    out: Path,
) -> None:
    found = rows(out)
    for subject in SUBJECTS:
        first, erased, retrained = (found[subject, model] for model in (WITH, ERASED, RETRAINED))
        for line in LINES:
            if first[line.name]:
                same = pytest.approx(float(first[line.name]), abs=0.01)
                assert float(retrained[line.name]) == same, line.name
        assert float(first["tmr"]) > 0.8
        assert float(erased["membership_auc"]) < 0.2  # two steps scatter the trained photos
        assert float(erased["compactness"]) < float(first["compactness"])


def test_the_markdown_has_the_means_of_the_csv(out: Path) -> None:
    lines = (out / "retrain.md").read_text().splitlines()
    table = [line.strip("| ").split(" | ") for line in lines if line.startswith("|")]
    assert table[0] == ["figure", *MODELS]
    assert [cells[0] for cells in table[2:]] == [line.title for line in LINES]
    found = rows(out)
    for line, cells in zip(LINES, table[2:], strict=True):
        for model, cell in zip(MODELS, cells[1:], strict=True):
            if line.name in TOO_FEW:
                assert cell == "–"
                continue
            mean = np.mean([float(found[subject, model][line.name]) for subject in SUBJECTS])
            assert float(cell.split()[0]) == pytest.approx(mean, abs=6e-4)


def test_a_network_is_trained_without_the_subjects_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = network(SIZE, SIZE.trained_without, 0, tmp_path)
    said = capsys.readouterr().out
    assert "people 2 to 11, seed 0: trained in" in said
    again = network(SIZE, SIZE.trained_without, 0, tmp_path)
    assert again.sha256 == trained.sha256
    assert not capsys.readouterr().out
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_network_of_other_people_or_another_seed_is_another_file(tmp_path: Path) -> None:
    trainings = (
        (range(2, 12), 2, 0),
        (range(12), 2, 0),
        (range(2, 12), 3, 0),
        (range(2, 12), 2, 1),
    )
    assert len({network_file(*training, tmp_path) for training in trainings}) == len(trainings)


def test_photos_are_the_same_from_one_process_as_from_anywhere(tmp_path: Path) -> None:
    pictures = photograph(range(5, 7), 2, tmp_path, processes=1)
    expected = [take_photo(make_person(seed), number) for seed in (5, 6) for number in (0, 1)]
    assert np.array_equal(pictures, np.stack(expected))


@pytest.mark.parametrize(("people", "subjects"), [(8, 1), (4000, 1), (12, 5)])
def test_numbers_of_people_that_cannot_be_trained_on_are_refused(
    people: int, subjects: int
) -> None:
    with pytest.raises(BadInput, match=f"--people {people} --subjects {subjects}: between 8 and"):
        Size(people, subjects, 1, 1, 0).check()
