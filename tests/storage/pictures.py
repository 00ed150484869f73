"""Picture files made on the spot: sound ones, and ones that somebody sends to do harm."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image

from storage.tickets.photos import Photo

HUGE = 20_000  # pixels a side: 400 megapixels


def picture(seed: int = 0, width: int = 24, height: int = 16) -> Image.Image:
    """Noise, a different one for each seed."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise)


def encoded(image: Image.Image, file_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def photos(count: int, first: int = 0) -> list[Photo]:
    seeds = range(first, first + count)
    return [Photo(f"IMG_{seed}.jpg", encoded(picture(seed), "JPEG")) for seed in seeds]


def marked(width: int = 24, height: int = 16) -> Image.Image:
    """Red at the left, blue at the right: shows whether a picture was turned."""
    image = Image.new("RGB", (width, height), (0, 0, 255))
    image.paste((255, 0, 0), (0, 0, width // 2, height))
    return image


def turned(orientation: int) -> bytes:
    """A JPEG whose EXIF says how a viewer must turn it."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(marked(), "JPEG", exif=exif, quality=95)


def animated(file_format: str) -> bytes:
    frames = [picture(seed) for seed in range(3)]
    return encoded(frames[0], file_format, save_all=True, append_images=frames[1:])


def png_bomb() -> bytes:
    """A few bytes that claim 400 megapixels."""
    header = struct.pack(">IIBBBBB", HUGE, HUGE, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def jpeg_bomb(side: int = HUGE) -> bytes:
    """A small JPEG whose frame header claims ``side`` × ``side`` pixels."""
    data = bytearray(encoded(picture(), "JPEG"))
    frame = data.index(b"\xff\xc0")  # SOF0: marker, length, precision, height, width
    data[frame + 5 : frame + 9] = struct.pack(">HH", side, side)
    return bytes(data)


def webp_bomb() -> bytes:
    """A small lossless WebP whose header claims the most that the format can: 16383 × 16383."""
    data = bytearray(encoded(picture(), "WEBP", lossless=True))
    start = data.index(b"VP8L") + 9  # chunk's name, its length, one byte of signature
    bits = int.from_bytes(data[start : start + 4], "little")
    bits = bits >> 28 << 28 | 16382 << 14 | 16382
    data[start : start + 4] = bits.to_bytes(4, "little")
    return bytes(data)


def png_chunk(kind: bytes, data: bytes = b"") -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + check


def with_chunks(chunks: bytes, data: bytes | None = None) -> bytes:
    """A PNG with more chunks before its pixels."""
    data = encoded(picture(), "PNG") if data is None else data
    return data[:33] + chunks + data[33:]  # behind the signature and IHDR


def with_segments(segments: bytes, data: bytes | None = None) -> bytes:
    """A JPEG with more segments behind its first marker."""
    data = encoded(picture(), "JPEG") if data is None else data
    return data[:2] + segments + data[2:]


def jpeg_segment(code: int, data: bytes) -> bytes:
    return bytes([0xFF, code]) + struct.pack(">H", len(data) + 2) + data


def tiff(orientation: int, order: str = "<", kind: int = 3) -> bytes:
    """An EXIF block that says how to turn the picture, and nothing else."""
    start = b"II*\0" if order == "<" else b"MM\0*"
    entry = struct.pack(f"{order}HHIHH", 0x0112, kind, 1, orientation, 0)
    return start + struct.pack(f"{order}IH", 8, 1) + entry + bytes(4)


def overlapping_tiff(tags: int = 60_000, size: int = 400_000) -> bytes:
    """Tags without end that all hold the same bytes: gigabytes for whoever reads them all."""
    place = 8 + 2 + 12 * tags + 4
    entries = b"".join(struct.pack("<HHII", tag, 1, size, place) for tag in range(1, tags + 1))
    return b"II*\0" + struct.pack("<IH", 8, tags) + entries + bytes(4) + bytes(size)


def slow_jpeg(scans: int, side: int = 7000) -> bytes:
    """A progressive JPEG that repeats its last scan: a few bytes each, a whole picture's work."""
    data = encoded(Image.new("L", (side, side)), "JPEG", progressive=True, quality=50)
    scan, end = data.rindex(b"\xff\xda"), data.rindex(b"\xff\xd9")
    return data[:end] + data[scan:end] * scans + data[end:]
