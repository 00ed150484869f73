"""Archives whose headers lie: bombs, overlaps and sizes that are none, refused before they cost."""

from __future__ import annotations

import gzip
import lzma
import struct
import subprocess
import sys
import tarfile
import time
import zipfile
import zlib
from pathlib import Path

import pytest

from storage.uploads.archives import Limits
from tests.storage.packing import FILES, refusal, tarred, zipped


def edited(field: int, layout: str, value: int, sign: bytes = b"PK\x01\x02") -> bytes:
    data = bytearray(zipped({"a.jpg": b"abc" * 100, "b.jpg": b"abd" * 100}))
    struct.pack_into(layout, data, data.rindex(sign) + field, value)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (edited(20, "<L", 3), "contradicts the archive's directory"),
        (edited(24, "<L", 299), "contradicts the archive's directory"),
        (edited(16, "<L", 1), "contradicts the archive's directory"),
        (edited(10, "<H", 0), "contradicts the archive's directory"),
        (edited(22, "<L", 299, b"PK\x03\x04"), "contradicts the archive's directory"),
        (edited(30, "<B", 99, b"PK\x03\x04"), "damaged"),
        (edited(42, "<L", 2), "shares its bytes with another member"),
        (edited(42, "<L", 0), "shares its bytes with another member"),
        (edited(42, "<L", 2**31), "damaged"),
    ],
)
def test_a_directory_that_lies_about_a_member_is_refused(data: bytes, why: str):
    assert why in refusal(data)


def zip64_lie() -> bytes:
    """The directory's zip64 field claims an exbibyte for a member that holds three bytes."""
    data = bytearray(zipped({"a.jpg": b"abc"}, zipfile.ZIP_STORED))
    entry, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    extra = struct.pack("<HHQ", 1, 8, 2**60)
    struct.pack_into("<L", data, entry + 24, 0xFFFFFFFF)
    struct.pack_into("<H", data, entry + 30, len(extra))
    struct.pack_into("<L", data, end + 12, end - entry + len(extra))
    return bytes(data[:end] + extra + data[end:])


def test_a_zip64_size_that_is_a_lie_is_refused():
    assert "more than 0 MiB unpacked" in refusal(zip64_lie())
    endless = Limits(photos=10, photo_bytes=2**61, bytes=2**62)
    assert "times its size" in refusal(zip64_lie(), limits=endless)


def fifield(members: int) -> bytes:
    """Members that all use the bytes of the first: the overlap of "A better zip bomb"."""
    data = zipped({"0.jpg": b"kernel" * 50})
    entry, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    directory = data[entry:end] * members
    tail = bytearray(data[end:])
    struct.pack_into("<HHL", tail, 8, members & 0xFFFF, members & 0xFFFF, len(directory))
    return data[:entry] + directory + bytes(tail)


def test_overlapping_members_are_refused_before_any_is_read():
    assert "shares its bytes with another member" in refusal(fifield(5))


def test_a_directory_of_a_million_entries_is_refused_before_it_is_parsed():
    start = time.process_time()
    assert refusal(fifield(1_000_000)) == "more than 140 members; pack fewer photos"
    assert time.process_time() - start < 1


def header(name: str, size: int, kind: bytes, stated: int | None = None) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    if stated is not None:
        block[124:136] = b"\xff" * 4 + struct.pack(">q", stated)  # GNU's binary, signed
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XGLTYPE])
def test_an_extended_header_of_gigabytes_is_refused_unread(kind: bytes):
    assert "a header of more than 1048576 bytes" in refusal(header("x", 2**40, kind))


def test_a_negative_size_is_refused():
    block = header("a.jpg", 0, tarfile.REGTYPE, -512)
    assert tarfile.TarInfo.frombuf(block, "utf-8", "strict").size == -512
    assert "not an archive" in refusal(block + bytes(1024))
    first = header("b.jpg", 0, tarfile.REGTYPE)
    assert "damaged or truncated tar file" in refusal(first + block + bytes(1024))


@pytest.mark.parametrize(
    "records", [b"9999999 path=a\n", b"0 path=a\n", b"-5 path=a\n", b"x", b"1" * 9 + b" a=b\n",
                b"12 size=-5\n\0", b"15 size=" + b"9" * 6 + b"\n"],
)  # fmt: skip
def test_pax_records_that_lie_about_their_length_are_refused(records: bytes):
    data = header("x", len(records), tarfile.XHDTYPE) + records.ljust(512, b"\0")
    refusal(data + header("a.jpg", 0, tarfile.REGTYPE) + bytes(1024))


def test_xz_that_asks_for_gigabytes_of_memory_is_refused():
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 2**20}]
    data = bytearray(lzma.compress(tarred(FILES), filters=filters))
    block = data[12 : 12 + 4 * (data[12] + 1)]
    place = block.index(b"\x21\x01") + 2  # LZMA2's id, one byte of properties: the dictionary
    block[place] = 40  # 4 GiB
    block[-4:] = struct.pack("<I", zlib.crc32(bytes(block[:-4])))
    data[12 : 12 + len(block)] = block
    assert "damaged or truncated" in refusal(bytes(data))


def test_bombs_take_neither_memory_nor_time(tmp_path: Path):
    folder = tmp_path / "bombs"
    folder.mkdir()
    # Hidden members: skipping over one unpacks it all the same.
    tar = header(".a.jpg", 2**27, tarfile.REGTYPE) + bytes(2**27)
    (folder / "gz").write_bytes(gzip.compress(tar, 1))
    (folder / "xz").write_bytes(lzma.compress(tar, preset=0))
    del tar
    (folder / "zip").write_bytes(zipped({f"{i}.jpg": bytes(2**24) for i in range(2)}))
    (folder / "entries").write_bytes(fifield(1_000_000))
    (folder / "zip64").write_bytes(zip64_lie())
    program = f"""
import resource, time
from pathlib import Path
from storage.uploads.archives import BadArchive, Limits, photos_in
megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
status = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (status + 160 * 2**20,) * 2)
start = time.process_time()
for path in sorted(Path({str(folder)!r}).iterdir()):
    try:
        with path.open("rb") as file:
            photos_in(file, path.name, Limits(200, 20 * 2**20))
    except BadArchive as error:
        print(error)
print(time.process_time() - start)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    *lines, seconds = run.stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == ["entries", "gz", "xz", "zip", "zip64"], run
    assert float(seconds) < 3
