"""Zip files (PKWARE APPNOTE 6.3.10): every claim of the directory is held against the bytes."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from typing import IO

from storage.uploads.archive_member import BadArchive, Member

STARTS = (b"PK\x03\x04", b"PK\x05\x06")  # a file with members, and one without
MAX_RATIO = 200  # bytes out of one: deflate's limit is 1032, photos hardly shrink at all
_SMALL = 64 * 1024  # bytes below which no ratio matters
_ENTRY = b"PK\x01\x02"  # begins each entry of the directory
_LOCAL = struct.Struct("<4s5H3L2H")  # a member's own header
_ENCRYPTED, _SIZES_FOLLOW, _MASKED = 0x1, 0x8, 0x2000  # general purpose bits 0, 3 and 13
_IN_ZIP64 = 0xFFFFFFFF
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_CHUNK = 1024 * 1024
_DAMAGED = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    LookupError,
    OverflowError,
    struct.error,
    zlib.error,
)


def members(data: IO[bytes], most: int, total: int) -> Iterator[Member]:
    """The members, in the order in which they lie in the file.

    Raises:
        BadArchive: more than ``most`` members, more than ``total`` bytes, damaged, encrypted,
            overlapping, or contradicting itself.
    """
    _count_entries(data, most)
    try:
        archive = zipfile.ZipFile(data)
    except _DAMAGED:
        raise BadArchive("a damaged zip file; pack the photos again") from None
    with archive:
        infos = sorted(archive.infolist(), key=lambda info: info.header_offset)
        if sum(info.file_size for info in infos) > total:
            raise BadArchive(f"more than {total // 2**20} MiB unpacked; leave some photos out")
        end = 0
        for info in infos:
            end = _check(data, info, end, archive.start_dir)
        for info in infos:
            kind = stat.S_IFMT(info.external_attr >> 16)  # 0 where it was packed on Windows
            name = info.orig_filename  # zipfile cuts names at a NUL
            is_folder = name.endswith(("/", "\\")) and kind in {0, stat.S_IFDIR}
            is_file = kind in {0, stat.S_IFREG} and not is_folder
            yield Member(name, info.file_size, is_file, is_folder, partial(_read, archive, info))


def _count_entries(data: IO[bytes], most: int) -> None:
    """Bounds the directory before ``zipfile`` makes an object of every entry.

    The number that the file states itself is what a bomb lies about, and nobody reads it.
    """
    data.seek(0)
    found, tail = 0, b""
    while chunk := data.read(_CHUNK):
        window = tail + chunk
        found += window.count(_ENTRY)
        tail = window[1 - len(_ENTRY) :]
        if found > most:
            raise BadArchive(f"more than {most} members; pack fewer photos")
    data.seek(0)


def _check(data: IO[bytes], info: zipfile.ZipInfo, begin: int, directory: int) -> int:
    """Where the member's bytes end, once its own header agrees with the directory."""
    member = Member(info.orig_filename, info.file_size, False, False, bytes)
    if info.flag_bits & (_ENCRYPTED | _MASKED):
        raise member.bad("encrypted; pack the photos without a password")
    if info.compress_type not in _METHODS:
        raise member.bad("packed in a way that is not read here; pack as zip with deflate")
    if info.file_size > max(_SMALL, MAX_RATIO * info.compress_size):
        raise member.bad(f"unpacks to more than {MAX_RATIO} times its size; no photo does")
    data.seek(max(info.header_offset, 0))
    header = data.read(_LOCAL.size)
    if len(header) < _LOCAL.size:
        raise member.bad("damaged; pack the photos again")
    sign, _, flags, method, _, _, crc, packed, size, name, extra = _LOCAL.unpack(header)
    end: int = info.header_offset + _LOCAL.size + name + extra + info.compress_size
    if info.header_offset < begin or end > directory:
        raise member.bad("shares its bytes with another member: a zip bomb; pack the photos again")
    stated = (crc, packed, size)
    real = (info.CRC, info.compress_size, info.file_size)
    agrees = flags & _SIZES_FOLLOW or all(
        own in {listed, _IN_ZIP64} for own, listed in zip(stated, real, strict=True)
    )
    if sign != b"PK\x03\x04" or method != info.compress_type or flags & _ENCRYPTED or not agrees:
        raise member.bad("its own header contradicts the archive's directory; pack again")
    return end


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(info) as stream:
            found = stream.read(info.file_size + 1)
    except _DAMAGED:
        found = b""
    if len(found) != info.file_size:
        member = Member(info.orig_filename, info.file_size, True, False, bytes)
        raise member.bad("damaged; pack the photos again")
    return found
