"""What of a picture file shows the picture: the rest never reaches the decoder.

A file of a few megabytes can hold a million comments, an EXIF directory whose entries all point
at the same bytes, or two hundred thousand scans of one JPEG, each of which costs as much as
decoding a picture. None of that shows anything, so it is dropped or refused here, byte by byte.
JPEG: ITU-T T.81 annex B. PNG: W3C PNG third edition. EXIF: CIPA DC-008, a TIFF 6.0 directory.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

MAX_SCANS = 100  # of a progressive JPEG; encoders write about ten
MAX_PARTS = 50_000  # segments or chunks; a photo of 20 MiB in PNG has about 2,500
ORIENTATION = 0x0112  # EXIF tag: how a viewer must turn the picture

JPEG, PNG, RIFF = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF"
_EXIF = b"Exif\0\0"
_SOS, _EOI, _APP1 = 0xDA, 0xD9, 0xE1
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a segment
# Comments and applications' own segments; APP0 and APP14 (Adobe) say which colours are meant.
_SHOWS_NOTHING = frozenset({0xFE, *range(0xE1, 0xF0)} - {0xEE})
_MARKER = re.compile(rb"\xff([^\x00\xff])")
_SCAN_ENDS = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")  # any marker but a restart
_SHOWN = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})


class Overloaded(Exception):
    """More parts than any photo has. The message completes "NAME: "."""


@dataclass(frozen=True)
class PictureFile:
    data: bytes  # decodes to the same pixels as the whole file
    orientation: int = 1  # 1 to 8, as EXIF counts
    frames: int = 1  # as the file says


def read(data: bytes) -> PictureFile:
    """Takes a file apart as far as it is sound; what is not is left for the decoder to refuse.

    Raises:
        Overloaded
    """
    if data.startswith(JPEG):
        return _jpeg(data)
    if data.startswith(PNG):
        return _png(data)
    return PictureFile(data)


def _jpeg(data: bytes) -> PictureFile:
    kept, exif = [data[:2]], b""
    place, parts = 2, 0
    while marker := _MARKER.search(data, place):
        start, code = marker.start(), marker.group(1)[0]
        if (parts := parts + 1) > MAX_PARTS:
            raise Overloaded(f"more than {MAX_PARTS} segments; save the picture again")
        if code in _ALONE:
            place = marker.end()
            continue
        if code in {_SOS, _EOI}:
            kept.append(data[start : _jpeg_end(data, start)])
            break
        place = _after(data, start)
        if code not in _SHOWS_NOTHING:
            kept.append(data[start:place])
        elif code == _APP1 and not exif and data.startswith(_EXIF, start + 4):
            exif = data[start + 4 + len(_EXIF) : place]
    return PictureFile(b"".join(kept), orientation(exif))


def _jpeg_end(data: bytes, start: int) -> int:
    """Where the picture ends whose first scan starts here: what follows is another file.

    Raises:
        Overloaded: so many scans that decoding takes hours.
    """
    place, parts, scans = start, 0, 0
    while marker := _SCAN_ENDS.search(data, place):
        if marker.group(1)[0] == _EOI:
            return marker.end()
        parts, scans = parts + 1, scans + (marker.group(1)[0] == _SOS)
        if scans > MAX_SCANS or parts > MAX_PARTS:
            raise Overloaded(
                f"more than {MAX_SCANS} scans, which take hours to decode; save the picture again"
            )
        place = _after(data, marker.start())
    return len(data)


def _after(data: bytes, marker: int) -> int:
    """Where the segment of a marker ends."""
    length = int.from_bytes(data[marker + 2 : marker + 4], "big")
    return marker + 2 + max(length, 2)


def _png(data: bytes) -> PictureFile:
    kept, exif, frames = [data[: len(PNG)]], b"", 1
    place = len(PNG)
    for _ in range(MAX_PARTS):
        length, kind = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        end = place + 12 + length
        if kind in _SHOWN or end > len(data):
            kept.append(data[place:end])
        elif kind == b"eXIf":
            exif = data[place + 8 : end - 4]
        elif kind == b"acTL":
            frames = int.from_bytes(data[place + 8 : place + 12], "big")
        place = end
        if kind == b"IEND" or end >= len(data):
            return PictureFile(b"".join(kept), orientation(exif), frames)
    raise Overloaded(f"more than {MAX_PARTS} chunks; save the picture again")


def orientation(exif: bytes) -> int:
    """What the first directory of an EXIF block says, or 1: nothing else of it is read."""
    exif = exif.removeprefix(_EXIF)  # WebP files hold it with and without
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return 1
    try:
        (place,) = struct.unpack_from(f"{order}I", exif, 4)
        (entries,) = struct.unpack_from(f"{order}H", exif, place)
        for number in range(entries):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", exif, place + 2 + 12 * number)
            if tag == ORIENTATION:
                return value if kind == 3 and value in range(1, 9) else 1
    except struct.error:  # the directory breaks off
        pass
    return 1


def webp_size(data: bytes) -> tuple[int, int]:
    """Width and height that a WebP file declares: its decoder allocates them before it says so.

    RFC 9649, sections 2.5 to 2.7. (0, 0) where there are none.
    """
    kind = data[12:16]
    if kind == b"VP8X" and len(data) >= 30:
        return (
            int.from_bytes(data[24:27], "little") + 1,
            int.from_bytes(data[27:30], "little") + 1,
        )
    if kind == b"VP8L" and len(data) >= 25:
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and len(data) >= 30:
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return 0, 0
