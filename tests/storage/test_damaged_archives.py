"""Archives that are cut, altered or none at all: read whole or refused by name, never cut short."""

from __future__ import annotations

import gzip
import lzma
import zipfile

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from storage.uploads.archives import BadArchive
from tests.storage.packing import FILES, GIVEN, LIMITS, PACKED, read, refusal, tarred, zipped


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", GIVEN[0].data, b"Rar!\x1a\x07\0", b"BZh91AY", GIVEN[0].data + zipped(FILES)],
)
def test_what_is_no_archive_is_refused_a_picture_with_an_archive_behind_it_too(data: bytes):
    assert refusal(data).startswith("not an archive that can be read; give a zip, tar")


def test_a_member_whose_bytes_were_altered_is_refused():
    data = bytearray(zipped({"a.jpg": b"abcdef"}, zipfile.ZIP_STORED))
    data[data.index(b"abcdef")] ^= 1
    assert refusal(bytes(data)).startswith("member 'a.jpg': damaged")


@pytest.mark.parametrize("kind", PACKED)
def test_an_archive_truncated_anywhere_is_refused(kind: str):
    data = PACKED[kind](FILES)
    needed = len(data.rstrip(b"\0")) if data[257:262] == b"ustar" else len(data)
    for length in range(1, needed, max(1, needed // 60)):
        refusal(data[:length])


@pytest.mark.parametrize("kind", ["tar.gz", "tar.xz"])
def test_an_archive_in_several_compressed_parts_is_refused_not_cut_short(kind: str):
    pack = gzip.compress if kind == "tar.gz" else lzma.compress
    whole = tarred(FILES)
    assert read(pack(whole) + bytes(8)) == GIVEN
    assert "packed in several parts" in refusal(pack(whole[:1024]) + pack(whole[1024:]))


_STARTS = [b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b\x08\0", b"\xfd7zXZ\0\0\x04"]


@given(
    st.binary(max_size=400)
    | st.tuples(st.sampled_from(_STARTS), st.binary(max_size=200)).map(b"".join)
)
@example(b"PK\x05\x06" + bytes(18))
def test_any_bytes_are_photos_or_refused_by_name(data: bytes):
    _photos_or_refused(data)


_SOUND = [pack({**FILES, "b.jpg": b"", "x/": b""}) for pack in list(PACKED.values())[:4]] + [
    gzip.compress(tarred(FILES), mtime=0)
]


@settings(max_examples=300)
@given(
    st.sampled_from(_SOUND),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=8),
    st.integers(0, 60),
    st.booleans(),
)
def test_an_archive_with_changed_bytes_is_read_or_refused_by_name(
    data: bytes, changes: list[tuple[int, int]], cut: int, at_the_end: bool
):
    changed = bytearray(data)
    span = min(len(changed), 600)  # headers, or the directory
    for place, value in changes:
        changed[-1 - place % span if at_the_end else place % span] = value
    _photos_or_refused(bytes(changed[: len(changed) - cut]))


def _photos_or_refused(data: bytes) -> None:
    try:
        found = read(data)
    except BadArchive as error:
        message = str(error)
    else:
        message = "photos.zip: "
        assert 0 < len(found) <= LIMITS.photos
        assert sum(len(photo.data) for photo in found) <= LIMITS.bytes
        assert all("/" not in photo.name and "\\" not in photo.name for photo in found)
    assert message.startswith("photos.zip: ")
    assert message.isprintable()
