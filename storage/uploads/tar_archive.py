"""Tar files (POSIX pax, GNU, old V7), plain or compressed, read as one bounded stream.

``tarfile`` parses each header block; walking from one to the next is done here, because
``tarfile`` reads whatever length an extended header states, and unpacks xz without a bound.
"""

from __future__ import annotations

import lzma
import tarfile
import zlib
from collections.abc import Iterator
from functools import partial
from typing import IO

from storage.uploads.archive_member import BadArchive, Member

BLOCK = tarfile.BLOCKSIZE
MAX_EXTENDED = 1024 * 1024  # bytes of one extended header; a name has at most 4,096
MAX_RATIO = 200  # bytes out of one; photos hardly shrink at all
XZ_MEMORY = 128 * 1024 * 1024  # bytes; `xz -9` needs 65 MiB to unpack
_GZIP, _XZ = b"\x1f\x8b", b"\xfd7zXZ\0"
_CHUNK = 64 * 1024
_SMALL = 16 * 1024 * 1024  # bytes below which no ratio matters: mostly the zeros between members
_PAX, _GNU_NAME = frozenset(b"xX"), frozenset(b"L")
_IGNORED = frozenset(b"gKV")  # global defaults, a link's long target, a volume's label
_FILE, _FOLDER = frozenset(b"\x000"), frozenset(b"5")
_WITHOUT_DATA = frozenset(b"123456")  # links, devices, folders, FIFOs
_DAMAGED = "a damaged or truncated tar file; pack the photos again"


def starts(block: bytes) -> bool:
    """Whether a file that begins so may be a tar file."""
    if block.startswith((_GZIP, _XZ)):
        return True
    try:
        _header(block)
    except BadArchive:
        return False
    return True


def members(data: IO[bytes], most: int, total: int) -> Iterator[Member]:
    """The members, in the file's order; each is read before the next is asked for, or never.

    Raises:
        BadArchive: more than ``most`` members, more than ``total`` bytes, or damaged.
    """
    # Headers and padding come on top of the members' own bytes.
    stream = _Stream(data, total + 4 * most * BLOCK + MAX_EXTENDED)
    extended: dict[str, str] = {}
    for _ in range(3 * most):  # a member may have two extended headers before its own
        block = stream.take(BLOCK)
        if not block.strip(b"\0"):
            stream.drain()
            return
        info = _header(block)
        kind = info.type[0]
        if kind in _PAX | _GNU_NAME | _IGNORED:
            extended |= _extension(kind, stream, info.size)
            continue
        size = 0 if kind in _WITHOUT_DATA else _size(extended.get("size"), info.size)
        body = _Body(stream, size)
        is_file = kind in _FILE and not any(key.startswith("GNU.sparse.") for key in extended)
        name = extended.get("path", info.name)
        yield Member(name, size, is_file, is_folder=kind in _FOLDER, read=body.read)
        body.skip()
        extended = {}
    raise BadArchive(f"more than {most} members; pack fewer photos")


def _header(block: bytes) -> tarfile.TarInfo:
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError):
        raise BadArchive(_DAMAGED) from None
    if info.size < 0:
        raise BadArchive(_DAMAGED)
    return info


def _size(extended: str | None, stated: int) -> int:
    if extended is None:
        return stated
    if not extended.isdecimal() or len(extended) > 20:
        raise BadArchive(_DAMAGED)
    return int(extended)


def _extension(kind: int, stream: _Stream, size: int) -> dict[str, str]:
    """What an extended header says of the member after it."""
    if size > MAX_EXTENDED:
        raise BadArchive(f"a header of more than {MAX_EXTENDED} bytes; pack the photos again")
    body = _Body(stream, size)
    content = body.read()
    body.skip()
    if kind in _GNU_NAME:
        return {"path": content.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")}
    return _pax(content) if kind in _PAX else {}


def _pax(content: bytes) -> dict[str, str]:
    """The records of a pax header: "LENGTH KEY=VALUE\\n", the length that of the whole record."""
    records, place = {}, 0
    while place < len(content):
        blank = content.find(b" ", place, place + 8)
        length = content[place:blank] if blank > 0 else b""
        if not length.isdigit() or place + int(length) <= blank:
            raise BadArchive(_DAMAGED)
        key, _, value = content[blank + 1 : place + int(length) - 1].partition(b"=")
        records[key.decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")
        place += int(length)
    return records


class _Body:
    """The bytes of one member, and the zeros that fill its last block."""

    def __init__(self, stream: _Stream, size: int) -> None:
        self._stream, self._size, self._left = stream, size, size + -size % BLOCK

    def read(self) -> bytes:
        self._left -= self._size
        return self._stream.take(self._size)

    def skip(self) -> None:
        while self._left:
            self._left -= len(self._stream.take(min(self._left, _CHUNK)))


class _Stream:
    def __init__(self, data: IO[bytes], limit: int) -> None:
        self._chunks = _unpacked(data)
        self._buffer = bytearray()
        self._limit = self._left = limit

    def take(self, size: int) -> bytes:
        """
        Raises:
            BadArchive: there is less, or all together is more than the limit.
        """
        while len(self._buffer) < size:
            if not self._grow():
                raise BadArchive(_DAMAGED)
        found = bytes(self._buffer[:size])
        del self._buffer[:size]
        return found

    def drain(self) -> None:
        """To the end of the file: only there is its checksum."""
        while self._grow():
            self._buffer.clear()

    def _grow(self) -> bool:
        chunk = next(self._chunks, None)
        if chunk is None:
            return False
        self._left -= len(chunk)
        if self._left < 0:
            limit = self._limit // 2**20
            raise BadArchive(f"more than {limit} MiB unpacked; leave some photos out")
        self._buffer += chunk
        return True


def _unpacked(data: IO[bytes]) -> Iterator[bytes]:
    """
    Raises:
        BadArchive: damaged, or it unpacks to more than any photos do.
    """
    start = data.read(len(_XZ))
    data.seek(0)
    if not start.startswith((_GZIP, _XZ)):
        yield from iter(partial(data.read, _CHUNK), b"")
        return
    total = 0
    try:
        for chunk in _gunzipped(data) if start.startswith(_GZIP) else _unxzed(data):
            total += len(chunk)
            if total > _SMALL + MAX_RATIO * data.tell():
                raise BadArchive(f"unpacks to more than {MAX_RATIO} times its size; no photos do")
            yield chunk
    except (zlib.error, lzma.LZMAError, EOFError):
        raise BadArchive(_DAMAGED) from None


def _gunzipped(data: IO[bytes]) -> Iterator[bytes]:
    engine = zlib.decompressobj(wbits=31)  # with gzip's header and checksum
    while not engine.eof:
        yield engine.decompress(engine.unconsumed_tail or _more(data), _CHUNK)
    _check_end(engine.unused_data, _GZIP)


def _unxzed(data: IO[bytes]) -> Iterator[bytes]:
    engine = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)
    while not engine.eof:
        yield engine.decompress(_more(data) if engine.needs_input else b"", _CHUNK)
    _check_end(engine.unused_data, _XZ)


def _more(data: IO[bytes]) -> bytes:
    if chunk := data.read(_CHUNK):
        return chunk
    raise EOFError


def _check_end(rest: bytes, start: bytes) -> None:
    if rest.startswith(start):
        raise BadArchive("packed in several parts; pack the photos again, in one go")
