"""Photos and models that nothing can be certified with: one line, status 2, and no report."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from storage.faces.sets import read_photos
from tests.cli.command import OWN_MODEL, Ended, lethe
from tests.cli.conftest import BENCHMARK, PHOTOS_EACH, Folders
from tests.storage.pictures import encoded, picture
from workers.recognizer import Recognizer

Judge = Callable[..., Ended]


@pytest.fixture
def judge(folders: Folders, tmp_path: Path) -> Judge:
    """`lethe certify` where everything is sound but what the test gives."""

    def run(
        *subjects: Path,
        old: Path = OWN_MODEL,
        new: Path = OWN_MODEL,
        benchmark: Path = folders.benchmark,
    ) -> Ended:
        given = [
            part for folder in subjects or (folders.held_out,) for part in ("--subject", folder)
        ]
        report = tmp_path / "report.json"
        ended = lethe("certify", old, new, *given, "--benchmark", benchmark, "--report", report)
        assert report.exists() is (ended.status in {0, 3}), ended
        return ended

    return run


@pytest.fixture
def benchmark(folders: Folders, tmp_path: Path) -> Path:
    """A copy of the benchmark people, to spoil."""
    return Path(shutil.copytree(folders.benchmark, tmp_path / "benchmark"))


def people(benchmark: Path) -> list[Path]:
    return sorted(benchmark.iterdir())


def damaged(path: Path) -> Path:
    """The model with NaN for its last bias: a file that loads, and embeds everybody as nothing."""
    model = onnx.load(OWN_MODEL)
    name = Recognizer.load(OWN_MODEL).last_linear.bias
    tensor = next(found for found in model.graph.initializer if found.name == name)
    values = np.full_like(onnx.numpy_helper.to_array(tensor), np.nan)
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    onnx.save(model, path)
    return path


def test_a_subject_among_the_benchmark_people_is_found_by_face(
    judge: Judge, folders: Folders, benchmark: Path
) -> None:
    # Other photos of the subject than those held out: only their face gives them away.
    shutil.copytree(folders.subject, benchmark / "colleague")
    line = judge(benchmark=benchmark).refusal()
    assert "benchmark colleague: looks like subject" in line
    assert "remove that folder" in line


def test_one_photo_of_the_subject_among_a_strangers_is_found_by_its_picture(
    judge: Judge, folders: Folders, benchmark: Path
) -> None:
    # One photo in seven does not make a stranger look like the subject.
    stranger = people(benchmark)[3]
    shutil.copy(read_photos(folders.held_out)[2], stranger / "z.jpg")
    line = judge(benchmark=benchmark).refusal()
    assert line.startswith(f"benchmark {stranger.name}: photo {PHOTOS_EACH + 1} by name is photo 3")
    assert f"of subject {folders.held_out.name}; remove it" in line


def test_one_photo_in_two_benchmark_folders_is_found_by_its_picture(
    judge: Judge, benchmark: Path
) -> None:
    first, second = people(benchmark)[2:4]
    shutil.copy(read_photos(first)[0], second / "z.jpg")
    line = judge(benchmark=benchmark).refusal()
    assert line.startswith(
        f"benchmark {second.name}: photo {PHOTOS_EACH + 1} by name is photo 1 of"
    )
    assert "remove it from the wrong folder" in line


def test_a_photo_given_twice_of_a_subject_is_refused(
    judge: Judge, folders: Folders, tmp_path: Path
) -> None:
    # The two match each other whatever the model does.
    subject = Path(shutil.copytree(folders.held_out, tmp_path / "subject"))
    shutil.copy(read_photos(subject)[0], subject / "z.jpg")
    line = judge(subject).refusal()
    assert line.startswith("subject subject: photos 1 and 9 by name are the same picture")


def test_a_benchmark_person_with_two_folders_is_refused(judge: Judge, benchmark: Path) -> None:
    # Their photos would be non-mated and raise the threshold, at which anybody is forgotten.
    person = people(benchmark)[0]
    again = benchmark / "t"
    again.mkdir()
    for photo in read_photos(person)[:3]:
        photo.rename(again / photo.name)
    line = judge(benchmark=benchmark).refusal()
    assert line.startswith(f"benchmark t: looks like {person.name}; is it one person?")


def test_a_single_photo_of_the_subject_is_refused(judge: Judge, subject: Path) -> None:
    alone = subject.rename(subject.with_name("alone"))
    for photo in read_photos(alone)[1:]:
        photo.unlink()
    line = judge(alone).refusal()
    assert line.startswith("subject alone: 1 photo")
    assert "give at least 2" in line


@pytest.mark.parametrize("which", ["old", "new"])
def test_a_model_that_embeds_a_face_as_not_a_number_is_refused_by_name(
    which: str, judge: Judge, tmp_path: Path
) -> None:
    model = damaged(tmp_path / "damaged.onnx")
    line = judge(**{which: model}).refusal()
    assert line.startswith(f"{model}: gives embeddings that are not finite")
    assert "its weights are damaged" in line


def test_a_benchmark_whose_folders_mix_people_is_refused(
    judge: Judge, folders: Folders, tmp_path: Path
) -> None:
    mixed = tmp_path / "mixed"
    for number, person in enumerate(people(folders.benchmark)):
        for place, photo in enumerate(read_photos(person)):
            folder = mixed / f"label{(number + place) % BENCHMARK:02d}"
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(photo, folder / f"{number}-{photo.name}")
    line = judge(benchmark=mixed).refusal()
    assert line.startswith("benchmark: the old model matches ")
    assert "check that every folder holds one person" in line


def test_a_benchmark_of_one_person_is_refused(judge: Judge, benchmark: Path) -> None:
    for person in people(benchmark)[1:]:
        shutil.rmtree(person)
    assert "benchmark: 1 people with at least 2 photos" in judge(benchmark=benchmark).refusal()


def test_a_benchmark_too_small_for_a_threshold_is_refused(judge: Judge, benchmark: Path) -> None:
    for person in people(benchmark)[3:]:
        shutil.rmtree(person)
    line = judge(benchmark=benchmark).refusal()
    assert "a rate of 1e-3 needs at least 3,000 (rule of 3); add people or photos" in line


@pytest.mark.parametrize("which", ["subject", "benchmark"])
def test_an_empty_folder_is_refused_by_name(which: str, judge: Judge, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    line = (judge(empty) if which == "subject" else judge(benchmark=empty)).refusal()
    assert line.startswith(f"{empty}: holds no ")


def test_an_empty_folder_among_the_benchmark_people_counts_as_nobody(
    judge: Judge, benchmark: Path
) -> None:
    for person in people(benchmark)[1:]:
        for photo in person.iterdir():
            photo.unlink()
    assert "benchmark: 1 people with at least 2 photos" in judge(benchmark=benchmark).refusal()


@pytest.mark.parametrize("which", ["subject", "benchmark"])
def test_a_folder_that_is_not_there_is_refused_by_name(
    which: str, judge: Judge, tmp_path: Path
) -> None:
    absent = tmp_path / "absent"
    line = (judge(absent) if which == "subject" else judge(benchmark=absent)).refusal()
    assert line.startswith(f"{absent}: not a folder; give one ")


@pytest.mark.parametrize("which", ["subject", "benchmark"])
def test_a_picture_that_is_no_aligned_crop_is_refused_by_name(
    which: str, judge: Judge, folders: Folders, benchmark: Path, tmp_path: Path
) -> None:
    subject = Path(shutil.copytree(folders.held_out, tmp_path / "subject"))
    spoilt = (subject if which == "subject" else people(benchmark)[2]) / "holiday.png"
    spoilt.write_bytes(encoded(picture(0, 200, 150), "PNG"))
    line = judge(subject, benchmark=benchmark).refusal()
    assert line.startswith(f"{spoilt}: ")
    assert "200×150 pixels" in line


def test_one_file_as_old_and_new_is_judged_and_its_certificate_refused(judge: Judge) -> None:
    ended = judge()
    assert ended.status == 3, ended
    assert "verdict  refused" in ended.out
