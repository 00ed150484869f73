"""LFW's folder with pairs.txt and template lists: what is in them, and what is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from storage.errors import BadInput
from tests.certification.pair_files import (
    PEOPLE,
    PHOTOS,
    comparisons,
    people,
    pictures,
    write_bin,
    write_lfw,
    write_template_lists,
)
from workers.certification.verification import BadVerification, Kind, read_verification
from workers.certification.verification.pairs_file import read_pairs
from workers.certification.verification.pooling import Pooling
from workers.certification.verification.template_lists import read_template_lists


def refusal(read: Callable[[], object]) -> str:
    with pytest.raises(BadInput) as raised:
        read()
    line = str(raised.value)
    assert "\n" not in line
    return line


# --- InsightFace's .bin ---


def test_a_bin_is_pairs_of_pictures_in_ten_contiguous_folds(tmp_path: Path) -> None:
    found, labels = pictures(comparisons()[:57])
    benchmark = read_verification(write_bin(tmp_path / "small.bin", (found, labels)), 112)
    assert (benchmark.name, benchmark.kind) == ("small", Kind.BIN)
    assert benchmark.folds.tolist() == [fold for fold in range(7) for _ in range(6)] + [
        fold for fold in (7, 8, 9) for _ in range(5)
    ]
    assert benchmark.mated.tolist() == labels
    assert len(benchmark.crops) == len(set(found)) < len(found)  # each picture once
    for place, data in enumerate(found):
        row = int(benchmark.pairs[place // 2, place % 2])
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        assert np.abs(benchmark.crops[row : row + 1][0].astype(int) - decoded).max() <= 3


def test_no_more_than_one_block_of_crops_is_decoded_at_once(tmp_path: Path) -> None:
    benchmark = read_verification(write_bin(tmp_path / "small.bin", pictures(comparisons())), 112)
    blocks = [len(block) for block in benchmark.crops.blocks()]
    assert max(blocks) <= 256
    assert sum(blocks) == len(benchmark.crops)
    assert benchmark.crops.shape == (len(benchmark.crops), 112, 112, 3)
    assert len(benchmark.crops[5:5]) == 0


# --- LFW ---


def test_an_lfw_folder_gives_the_comparisons_of_the_same_bin_with_folds_and_people(
    tmp_path: Path,
) -> None:
    listed = comparisons()
    root = write_lfw(tmp_path / "lfw", listed)
    (root / "Person_0" / "Person_0_0001.jpg").rename(root / "Person_0" / "Person_0_0001.png")
    found = read_verification(root, 112)
    packed = read_verification(write_bin(tmp_path / "lfw.bin", pictures(listed)), 112)
    assert (found.name, found.kind) == ("lfw", Kind.LFW)
    assert found.digest == packed.digest
    assert np.array_equal(found.pairs, packed.pairs)
    assert found.folds.tolist() == [fold for fold in range(10) for _ in range(6)]
    assert packed.people is None
    assert found.pair_people is not None
    assert np.array_equal(found.pair_people[:, 0] == found.pair_people[:, 1], found.mated)


def test_a_digest_follows_pictures_pairs_and_labels_and_nothing_else(tmp_path: Path) -> None:
    listed = comparisons()
    first, second, mated = listed[0]
    swapped = [(second, first, mated), *listed[1:]]
    exchanged = [listed[1], listed[0], *listed[2:]]
    found, labels = pictures(listed)
    contents = [
        (found, labels),
        (found, labels),
        pictures(swapped),
        pictures(exchanged),
        (found, [False, *labels[1:]]),
    ]
    digests = [
        read_verification(write_bin(tmp_path / f"{n}.bin", content, 2 + n % 4), 112).digest
        for n, content in enumerate(contents)
    ]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 4


@pytest.mark.parametrize(
    ("line", "text", "reason"),
    [
        (1, "Person_0\t1\t2", "does not begin with the number of folds and of pairs in each"),
        (1, "30", "begins with 1 numbers, not two: a list without folds (View 1 of LFW"),
        (1, "10\t4", "60 pairs where the first line says 10 folds of 4 mated and 4 non-mated"),
        (1, "1\t30", "1 folds of 2 × 30 pairs; from 2 to 100 folds"),
        (1, "10\t0", "10 folds of 2 × 0 pairs"),
        (1, "10\t999999", "10 folds of 2 × 999999 pairs"),
        (2, "Person_0\t1\tPerson_1\t2", "line 2: 4 fields where this fold has name number number"),
        (5, "Person_0\t1\t2", "line 5: 3 fields where this fold has name number name number"),
        (2, "Person 0\t1\t2", "line 2: 4 fields where this fold has"),
        (5, "Person 0\t1\tPerson_1\t2", "line 5: 5 fields"),
        (2, "..\t1\t2", "line 2: '..' is no name"),
        (2, "a..b\t1\t2", "line 2: 'a..b' is no name"),
        (2, "../Person_0\t1\t2", "line 2: '../Person_0' is no name"),
        (2, "/etc\t1\t2", "line 2: '/etc' is no name"),
        (2, "Person_0\t1\tx", "line 2: 'x' is no number of a photo"),
        (2, "Person_0\t-1\t2", "line 2: '-1' is no number of a photo"),
        (
            2,
            "Person_0\t1\t9",
            "line 2: ",
        ),
        (2, "Nobody\t1\t2", "line 2: "),
        (2, "Person_0\t1\t1", "line 2: compares one photo twice"),
        (5, "Person_0\t1\tPerson_0\t2", "line 5: compares one person twice as two people"),
    ],
)
def test_a_wrong_line_of_pairs_is_refused_by_its_number(
    tmp_path: Path, line: int, text: str, reason: str
) -> None:
    path = write_lfw(tmp_path / "lfw", comparisons()) / "pairs.txt"
    lines = path.read_text().splitlines()
    lines[line - 1] = text
    path.write_text("\n".join(lines))
    found = refusal(lambda: read_verification(path.parent, 112))
    assert found.startswith(str(path))
    assert reason in found


def test_a_list_that_breaks_off_is_no_text_or_is_empty_is_refused(tmp_path: Path) -> None:
    path = write_lfw(tmp_path / "lfw", comparisons()) / "pairs.txt"
    whole = path.read_bytes()
    for data, reason in [
        (whole[: len(whole) // 2], "pairs where the first line says"),
        (b"\xff\xfe\x00", "is not text in UTF-8"),
        (b"", "does not begin with the number of folds"),
    ]:
        path.write_bytes(data)
        assert reason in refusal(lambda: read_verification(path.parent, 112))


def test_a_photo_of_lfw_that_is_not_aligned_is_to_be_aligned_first(tmp_path: Path) -> None:
    root = write_lfw(tmp_path / "lfw", comparisons())
    (first, number), *_ = comparisons()[0]
    photo = root / first / f"{first}_{number:04d}.jpg"
    wide = cv2.resize(cv2.imread(str(photo)), (250, 250))
    cv2.imwrite(str(photo), wide)
    found = refusal(lambda: read_verification(root, 112))
    assert found.startswith(f"{photo}: 250×250 pixels; ")
    assert found.endswith("align it first")


@settings(max_examples=120, deadline=None)
@given(
    text=st.text(max_size=200)
    | st.lists(
        st.sampled_from(["2 1", "A\t1\t2", "A\t1\tB\t2", "10\t300", "A 1 2", "\x85", "٣ 1", ""])
    ).map("\n".join)
)
@example(text="2\t1\nA\t1\t2\nA\t1\tB\t2\nA\t1\t2\nA\t1\tB\t2\n")
def test_whatever_the_list_says_it_is_pairs_or_one_line(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "pairs.txt"
    path.write_text(text, "utf-8", errors="ignore", newline="")
    try:
        found, line = read_pairs(path), ""
    except BadVerification as error:
        found, line = [], str(error)
    assert "\n" not in line
    assert bool(found) != bool(line)
    for pair in found:
        assert (pair.first[0] == pair.second[0]) is pair.mated
        assert "/" not in pair.first[0] + pair.second[0]


# --- template lists ---


def test_template_lists_pool_pictures_by_medium_and_then_by_template(tmp_path: Path) -> None:
    benchmark = read_verification(write_template_lists(tmp_path / "x"), 112)
    assert (benchmark.name, benchmark.kind) == ("x", Kind.TEMPLATES)
    assert len(benchmark.crops) == PEOPLE * PHOTOS
    assert len(benchmark.pairs) == 20 * 19 // 2
    assert benchmark.mated.sum() == PEOPLE
    assert benchmark.pooling is not None
    assert benchmark.pooling.count == 2 * PEOPLE
    # Two frames of one video weigh as much as one photo.
    pooled = Pooling(np.array([1, 0, 0, 0]), np.array([5, 7, 5, 7])).pooled(
        np.array([[0, 2], [1, 0], [0, 1], [0, 1]], dtype=np.float32)
    )
    frames, photo = np.array([0.5, 0.5]), np.array([0.0, 1.0])
    mean = (frames + photo) / 2
    assert pooled == pytest.approx(np.stack([mean / np.linalg.norm(mean), [0.0, 1.0]]))


def test_pictures_may_lie_where_the_list_says(tmp_path: Path) -> None:
    root = write_template_lists(tmp_path / "x")
    expected = read_verification(root, 112).digest
    (root / "crops").rename(root / "faces")
    listed = root / "meta" / "x_face_tid_mid.txt"
    listed.write_text("".join(f"faces/{line}\n" for line in listed.read_text().splitlines()))
    assert read_verification(root, 112).digest == expected


def test_loose_pictures_are_aligned_by_their_five_points(tmp_path: Path) -> None:
    from insightface.utils.face_align import arcface_dst

    root = write_template_lists(tmp_path / "x")
    aligned = read_verification(root, 112)
    (root / "loose_crop").mkdir()
    lines = []
    for line in (root / "meta" / "x_face_tid_mid.txt").read_text().splitlines():
        name = line.split()[0]
        crop = cv2.imread(str(root / "crops" / name))
        loose = cv2.copyMakeBorder(
            cv2.resize(crop, (224, 224), interpolation=cv2.INTER_CUBIC), 30, 10, 20, 40, 0
        )
        cv2.imwrite(str(root / "loose_crop" / name), loose, [cv2.IMWRITE_JPEG_QUALITY, 98])
        points = (arcface_dst * 2 + [20, 30]).ravel()
        lines.append(" ".join([name, *(f"{value:.3f}" for value in points), "0.99"]))
    (root / "meta" / "x_name_5pts_score.txt").write_text("\n".join(lines))
    loose = read_verification(root, 112)
    assert loose.crops.shape == aligned.crops.shape
    apart = np.abs(loose.crops[0:9].astype(float) - aligned.crops[0:9]).mean()
    assert apart < 4  # of 255: scaled up, compressed and scaled down again
    assert loose.digest != aligned.digest


@pytest.mark.parametrize(
    ("name", "edit", "reason"),
    [
        ("face_tid_mid", ("1.jpg 100", "../1.jpg 100"), "line 1: '../1.jpg' is no picture's name"),
        ("face_tid_mid", ("1.jpg 100", "/1.jpg 100"), "line 1: '/1.jpg' is no picture's name"),
        ("face_tid_mid", ("1.jpg 100", "99.jpg 100"), "99.jpg is not there"),
        ("face_tid_mid", ("1.jpg 100", "1.jpg x"), "must be whole numbers"),
        ("face_tid_mid", ("1.jpg 100", "1.jpg 9" + "9" * 30), "must be whole numbers"),
        ("face_tid_mid", ("1.jpg 100 ", "1.jpg 100"), "line 1: 2 fields, not 3"),
        ("template_pair_label", ("100 101 1", "100 999 1"), "line 1: compares a template that has"),
        ("template_pair_label", ("100 101 1", "100 101 2"), "labels must be 0 and 1"),
        ("template_pair_label", ("100 101 1", "100 101 x"), "is no list of at most"),
        ("template_pair_label", ("100 101 1", "100 101 1.5"), "is no list of at most"),
        ("template_pair_label", ("100 101 1", "100 101"), "is no list of at most"),
        ("template_pair_label", ("100 101 1", "9" * 40 + " 101 1"), "is no list of at most"),
        ("template_pair_label", (" 1\n", " 0\n"), "labels must be 0 and 1, and some of each"),
    ],
)
def test_wrong_template_lists_are_refused(
    tmp_path: Path, name: str, edit: tuple[str, str], reason: str
) -> None:
    root = write_template_lists(tmp_path / "x")
    path = root / "meta" / f"x_{name}.txt"
    path.write_text(path.read_text().replace(*edit))
    found = refusal(lambda: read_verification(root, 112))
    assert found.startswith(str(path))
    assert reason in found


def test_lists_that_are_missing_double_or_of_another_benchmark_are_refused(tmp_path: Path) -> None:
    root = write_template_lists(tmp_path / "x")
    meta = root / "meta"
    names = meta / "x_name_5pts_score.txt"
    names.write_text("other.jpg" + " 1" * 11 + "\n")
    assert "names other pictures" in refusal(lambda: read_template_lists(root, 112))
    rows = [line.split()[0] for line in (meta / "x_face_tid_mid.txt").read_text().splitlines()]
    names.write_text("".join(f"{row}{' nan' * 11}\n" for row in rows))
    assert "points that are no numbers" in refusal(lambda: read_template_lists(root, 112))
    names.unlink()
    shutil.copy(meta / "x_template_pair_label.txt", root / "y_template_pair_label.txt")
    assert "2 files named *_template_pair_label.txt" in refusal(
        lambda: read_template_lists(root, 112)
    )


@settings(max_examples=60, deadline=None)
@given(
    text=st.text("01 29.e-\n\tx#", max_size=60)
    | st.text(max_size=60)
    | st.lists(st.integers(-(2**70), 2**70), max_size=9).map(lambda row: " ".join(map(str, row)))
)
def test_whatever_the_lists_say_they_are_read_or_refused_in_one_line(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.getbasetemp() / "lists"
    if not root.exists():
        write_template_lists(root)
    for name in ("face_tid_mid", "template_pair_label"):
        path = root / "meta" / f"x_{name}.txt"
        kept = path.read_bytes()
        path.write_text(text, "utf-8", errors="ignore", newline="")
        try:
            line = refusal(lambda: read_template_lists(root, 112))
        finally:
            path.write_bytes(kept)
        assert line.startswith(str(path))


def test_what_is_no_benchmark_is_refused_with_the_formats(tmp_path: Path) -> None:
    person = tmp_path / "people" / "Ada"
    person.mkdir(parents=True)
    (person / "1.jpg").write_bytes(next(iter(people().values()))[0])
    for path in (tmp_path / "people", person / "1.jpg", tmp_path / "absent.bin"):
        assert "give an InsightFace .bin, a folder with pairs.txt, or one with" in refusal(
            lambda path=path: read_verification(path, 112)
        )
