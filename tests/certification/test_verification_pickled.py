"""A `.bin` is data: whatever it holds, nothing is run, and damage is one clear line."""

from __future__ import annotations

import io
import os
import pickle
import pickletools
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from storage.errors import BadInput
from tests.certification.pair_files import comparisons, pictures, python2_pickle, write_bin
from workers.certification.verification import BadVerification, read_verification
from workers.certification.verification import pickled as module
from workers.certification.verification.bin_file import read_bin
from workers.certification.verification.pickled import Array, NotLiteral, read_literal

SMALL = [bytes([number]) * 3 for number in range(20)], [True, False] * 5


def one_line(path: Path) -> str:
    with pytest.raises(BadVerification) as refusal:
        read_bin(path)
    line = str(refusal.value)
    assert line.startswith(f"{path}: ")
    assert "\n" not in line
    assert len(line) < 400
    return line


class Executes:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_bytes_of_every_protocol_are_read_as_pickle_reads_them(
    tmp_path: Path, protocol: int
) -> None:
    found = read_bin(write_bin(tmp_path / "lfw.bin", SMALL, protocol))
    assert [found.read(row) for row in range(20)] == SMALL[0]
    assert found.mated.tolist() == SMALL[1]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_pictures_as_arrays_and_labels_of_numpy_are_read(
    tmp_path: Path, protocol: int, shape: tuple[int, ...]
) -> None:
    arrays = [np.frombuffer(data, np.uint8).copy().reshape(shape) for data in SMALL[0]]
    for labels in ([np.bool_(label) for label in SMALL[1]], np.array(SMALL[1])):
        found = read_bin(write_bin(tmp_path / "lfw.bin", (arrays, labels), protocol))
        assert [found.read(row) for row in range(20)] == SMALL[0]
        assert found.mated.tolist() == SMALL[1]


def test_the_names_of_numpy_before_version_2_are_read(tmp_path: Path) -> None:
    arrays = [np.frombuffer(data, np.uint8).copy() for data in SMALL[0]]
    written = pickle.dumps((arrays, SMALL[1]), protocol=2)
    path = tmp_path / "lfw.bin"
    path.write_bytes(written.replace(b"numpy._core.", b"numpy.core."))
    assert read_bin(path).read(5) == SMALL[0][5]


def test_what_python_2_wrote_is_read(tmp_path: Path) -> None:
    long = [bytes(range(256)) + bytes([number]) for number in range(20)]
    for found in (SMALL[0], long):
        path = tmp_path / "lfw.bin"
        path.write_bytes(python2_pickle(found, SMALL[1]))
        assert pickle.loads(path.read_bytes(), encoding="bytes") == (found, SMALL[1])  # noqa: S301
        listed = read_bin(path)
        assert [listed.read(row) for row in range(20)] == found


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_a_pickle_that_runs_a_command_is_refused_and_does_not_run_it(
    tmp_path: Path, protocol: int
) -> None:
    marker = tmp_path / "ran"
    for content in (Executes(marker), ([Executes(marker)] * 20, SMALL[1])):
        path = write_bin(tmp_path / "lfw.bin", content, protocol)
        one_line(path)
        assert not marker.exists()
        if protocol >= 2:
            assert "system'" in one_line(path)
    pickle.loads(path.read_bytes())  # noqa: S301
    assert marker.exists()  # it would have


@pytest.mark.parametrize("name", ["builtins eval", "numpy.core.multiarray fromfile", "numpy load"])
def test_other_names_of_modules_that_are_used_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "lfw.bin"
    module_name, function = name.split()
    path.write_bytes(b"\x80\x02c" + f"{module_name}\n{function}\n".encode() + b"U\x01x\x85R.")
    assert "that is code, not pictures" in one_line(path)


def test_every_truncation_of_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lfw.bin"
    whole = pickle.dumps(SMALL, protocol=4)
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        one_line(path)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ((SMALL[0][:19], SMALL[1]), "19 pictures and 10 labels; each label needs two pictures"),
        ((SMALL[0], SMALL[1] + [True]), "20 pictures and 11 labels"),
        ((SMALL[0][:18], SMALL[1][:9]), "9 pairs; from 10 to 100,000 can be judged"),
        (([], []), "0 pairs; from 10"),
        ((SMALL[0], [True] * 10), "all pairs are mated; both are needed"),
        ((SMALL[0], [False] * 10), "all pairs are non-mated; both are needed"),
        ((SMALL[0], [True] * 9 + [2]), "label 10 of 10 is neither true nor false"),
        ((SMALL[0], [None] * 10), "label 1 of 10 is neither"),
        (([*SMALL[0][:19], "text"], SMALL[1]), "picture 20 is no byte string"),
        (([*SMALL[0][:19], np.array([True])], SMALL[1]), "picture 20 is no byte string"),
        (([*SMALL[0][:19], np.zeros(3)], SMALL[1]), "neither picture nor label"),
        (([*SMALL[0][:19], np.array([None])], SMALL[1]), "neither picture nor label"),
        (([*SMALL[0][:19], np.zeros((3, 2, 2), np.uint8)], SMALL[1]), "shape does not fit"),
        ((SMALL[0], SMALL[1], 1), "holds no list of pictures and list of labels"),
        (SMALL[0], "holds no list of pictures and list of labels"),
        ({"bins": SMALL[0]}, "uses the opcode EMPTY_DICT"),
        (7, "holds no list"),
    ],
)
def test_what_is_no_benchmark_is_refused_with_its_reason(
    tmp_path: Path, content: Any, line: str
) -> None:
    assert line in one_line(write_bin(tmp_path / "lfw.bin", content))


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff\xe0 a jpeg", b"PK\x03\x04", b"\x80\x02."])
def test_what_is_no_pickle_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "lfw.bin"
    path.write_bytes(data)
    assert "is not a whole pickle: it breaks off or is damaged" in one_line(path)


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "lfw.bin"
    with path.open("wb") as file:
        file.truncate(2**31)
    assert "2,048 MiB; at most 1,024 MiB" in one_line(path)


def test_a_picture_that_is_none_or_has_another_size_is_refused_by_its_number(
    tmp_path: Path,
) -> None:
    found, labels = pictures(comparisons())
    other = b"GIF89a" + bytes(100)
    path = write_bin(tmp_path / "lfw.bin", ([*found[:-1], other], labels))
    with pytest.raises(BadInput, match=r"lfw\.bin, picture 120 of 120: not a picture"):
        read_verification(path, 112)
    path = write_bin(tmp_path / "lfw.bin", (found, labels))
    with pytest.raises(BadInput, match=r"picture 1 of 120: 112×112 pixels; .* align it first"):
        read_verification(path, 128)


@pytest.mark.parametrize(
    "attack",
    [
        b"\x80\x02X\x00\x00\x10\x00"
        + b"a" * 2**20
        + b"q\x01"
        + b"0" * 0
        + b"c_codecs\nencode\nq\x02]q\x03"
        + b"h\x02h\x01X\x06\x00\x00\x00latin1\x86Ra" * 1000,
        b"\x80\x02]r\xff\xff\xff\xff.",  # a memo index for which pickle makes a table of 32 GiB
        b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b".",  # a byte string of 4 EiB
        b"\x80\x04\x96" + struct.pack("<Q", 2**40) + b".",
        b"\x80\x02T\xff\xff\xff\x7f.",
        b"\x80\x02]q\x00" + b"h\x00h\x00\x86q\x00" * 2000 + b"h\x00\x93.",  # 2^2000 by repr
    ],
    ids=["repeated", "memo", "bytes", "bytearray", "string", "name"],
)
def test_a_small_file_never_takes_much_memory(attack: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(NotLiteral):
            raise_unless_harmless(read_literal(attack))
        assert tracemalloc.get_traced_memory()[1] < 8 * len(attack) + 2**20
    finally:
        tracemalloc.stop()


def raise_unless_harmless(value: Any) -> None:
    """An index alone does no harm: then the value is the empty list that it stands for."""
    if value == []:
        raise NotLiteral


def test_opcodes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_OPCODES", 1000)
    with pytest.raises(NotLiteral, match="more than 1,000 opcodes"):
        read_literal(b"\x80\x02" + b"]" * 1000 + b".")


# --- whatever the bytes are ---

ARRAYS = [np.frombuffer(data, np.uint8).copy() for data in SMALL[0]]
SOUND = [
    *(pickle.dumps(SMALL, protocol=protocol) for protocol in (2, 3, 4, 5)),
    *(pickle.dumps((ARRAYS, np.array(SMALL[1])), protocol=protocol) for protocol in (2, 4, 5)),
    python2_pickle(*SMALL),
]
OPCODES = st.sampled_from([ord(opcode.code) for opcode in pickletools.opcodes])


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A sound file with some bytes changed, cut out or put in, opcodes more often than others."""
    data = bytearray(draw(st.sampled_from(SOUND)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data)))
        cut = draw(st.integers(0, 4))
        put = draw(st.lists(OPCODES | st.integers(0, 255), max_size=4))
        data[place : place + cut] = bytes(put)
    return bytes(data)


def plain(value: Any, depth: int = 0) -> bool:
    if isinstance(value, list | tuple):
        return depth > 20 or all(plain(item, depth + 1) for item in value[:100])
    return value is None or isinstance(
        value, bytes | str | int | Array | module.Known | module.ElementType
    )


@settings(max_examples=250, deadline=None)
@given(st.binary(max_size=200) | st.lists(OPCODES, max_size=60).map(bytes) | mutated())
@example(b"\x80\x02(0t.")
def test_whatever_the_bytes_are_they_are_plain_data_or_refused(data: bytes) -> None:
    try:
        value, refusal = read_literal(data), ""
    except NotLiteral as error:
        value, refusal = None, str(error)
    assert plain(value)
    assert "\n" not in refusal


@settings(max_examples=120, deadline=None)
@given(data=mutated())
def test_a_changed_file_is_a_benchmark_or_one_line(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "changed.bin"
    path.write_bytes(data)
    try:
        found, refusal = read_bin(path), ""
    except BadVerification as error:
        found, refusal = None, str(error)
    assert "\n" not in refusal
    if found is not None:
        assert len(found.mated) * 2 == found.pairs.size
        assert found.pairs.max() < len(found.photos)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.binary(min_size=1, max_size=300), min_size=20, max_size=20),
    st.lists(st.booleans(), min_size=10, max_size=10),
    st.integers(2, 5),
)
def test_whatever_the_pictures_are_they_come_back(
    found: list[bytes], labels: list[bool], protocol: int
) -> None:
    buffer = io.BytesIO()
    pickle.dump((found, labels), buffer, protocol=protocol)
    assert read_literal(buffer.getvalue()) == (found, labels)
