"""Pictures sent to do harm: other files in disguise, and small ones that cost much."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from storage.uploads.images import Reason, encode_png
from tests.storage import pictures
from tests.storage.pictures import (
    encoded,
    jpeg_segment,
    marked,
    picture,
    png_chunk,
    slow_jpeg,
    tiff,
    with_chunks,
    with_segments,
)
from tests.storage.test_images import SOUND, decoded, decoded_or_refused, refused_photo


def test_a_picture_with_another_file_behind_it_is_that_picture_alone():
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("a.txt", "another file")
    for file_format in ("JPEG", "PNG", "WEBP"):
        data = encoded(marked(), file_format)
        for more in (zipped.getvalue(), b"<script>alert(1)</script>", data):
            assert (decoded(data + more) == decoded(data)).all()


@pytest.mark.parametrize(
    "start", [b"GIF89a/*", b"PK\x03\x04", b"%PDF-1.7\n", b"<svg>", b"#!/bin/sh\n", b"BM"]
)
def test_another_file_with_a_picture_behind_it_is_no_picture(start: bytes):
    for data in SOUND:
        assert refused_photo(start + data).reason is Reason.NOT_AN_IMAGE


def test_a_script_in_a_comment_is_gone_from_what_is_kept():
    script = b"<script>alert(1)</script>"
    for data in (
        with_segments(jpeg_segment(0xFE, script)),
        with_chunks(png_chunk(b"tEXt", b"Comment\0" + script)),
    ):
        assert script not in encode_png(decoded(data))


@given(
    st.lists(st.tuples(st.sampled_from([*range(0xC0, 0x100), 0x01]), st.binary(max_size=60)),
             max_size=8),
    st.sampled_from([0, 1, 4, 5]),
)  # fmt: skip
def test_a_jpeg_with_any_segments_is_decoded_or_refused_by_name(
    segments: list[tuple[int, bytes]], which: int
):
    inserted = b"".join(jpeg_segment(code, body) for code, body in segments)
    jpeg = SOUND[which] if SOUND[which].startswith(b"\xff\xd8") else SOUND[0]
    decoded_or_refused(with_segments(inserted, jpeg))


@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT",
                             b"eXIf", b"iCCP", b"zTXt", b"iTXt", b"gAMA", b"prVt"]),
            st.binary(max_size=60),
        ),
        max_size=8,
    )
)  # fmt: skip
def test_a_png_with_any_chunks_is_decoded_or_refused_by_name(chunks: list[tuple[bytes, bytes]]):
    decoded_or_refused(with_chunks(b"".join(png_chunk(kind, body) for kind, body in chunks)))


def costly() -> dict[str, tuple[bytes, str]]:
    """Small files that ask for much, and what comes of them: a picture, or a refusal."""
    exif, mebibyte = pictures.overlapping_tiff(), zlib.compress(bytes(2**20))
    parts = [exif[place : place + 65_000] for place in range(0, len(exif), 65_000)]
    grey = Image.new("L", (7000, 7000))
    comments = b"\xff\xfe\0\2" * 2_000_000
    return {
        "exif of gigabytes": (with_chunks(png_chunk(b"eXIf", exif)), "picture"),
        "exif of gigabytes in segments": (
            with_segments(b"".join(jpeg_segment(0xE1, b"Exif\0\0" + part) for part in parts)),
            "picture"),
        "exif of gigabytes in webp": (encoded(picture(), "WEBP", exif=exif), "picture"),
        "profiles": (with_chunks(png_chunk(b"iCCP", b"a\0\0" + mebibyte) * 5000), "picture"),
        "profile of 16 MiB": (
            with_segments(jpeg_segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(65_000)) * 256),
            "picture"),
        "texts": (with_chunks(png_chunk(b"zTXt", b"a\0\0" + mebibyte) * 5000), "picture"),
        "comments": (with_segments(comments), "more than 50000 segments"),
        "comments between scans": (slow_jpeg(1, 64)[:-2] + comments, "scans"),
        "chunks": (with_chunks(png_chunk(b"prVt") * 1_000_000), "more than 50000 chunks"),
        "no pixels": (with_chunks(png_chunk(b"IDAT") * 1_000_000), "more than 50000 chunks"),
        "scans": (slow_jpeg(20_000), "more than 100 scans"),
        "fills of FF": (with_segments(b"\xff" * 5_000_000), "picture"),
        "49 megapixels of one grey": (encoded(grey, "PNG"), "picture"),
        "49 megapixels of 16 bits": (encoded(grey.convert("I;16"), "PNG"), "picture"),
        "49 megapixels of nothing": (encoded(Image.new("RGBA", (7000, 7000)), "PNG"), "picture"),
        "49 megapixels to be turned": (
            encoded(grey.convert("RGB"), "JPEG", exif=b"Exif\0\0" + tiff(5)), "picture"),
        "a webp of 268 megapixels": (pictures.webp_bomb(), "pixels, not decoded"),
    }  # fmt: skip


def test_small_files_that_ask_for_much_stay_within_bounds_of_memory_and_time(tmp_path: Path):
    """At most 9 bytes for each pixel of the largest picture allowed, and five seconds."""
    program = """
import resource, sys, time
from pathlib import Path
from storage.uploads.images import BadPhoto, decode
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + 450 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for path in sys.argv[1:]:
    data, start = Path(path).read_bytes(), time.process_time()
    try:
        shape = decode(data, path, max_bytes=20 * 2**20, max_pixels=50_000_000).shape
        line = f"picture of {shape}"
    except BadPhoto as error:
        line = str(error)
    print(f"{time.process_time() - start:.2f} {line}", flush=True)
"""
    files = costly()
    paths = [tmp_path / f"{number}.jpg" for number in range(len(files))]
    for path, (data, _) in zip(paths, files.values(), strict=True):
        path.write_bytes(data)
    command = [sys.executable, "-c", program, *map(str, paths)]
    run = subprocess.run(command, capture_output=True, text=True)
    lines = run.stdout.splitlines()
    assert len(lines) == len(files), (lines, run.stderr)
    assert run.stderr == ""  # nobody fills our log
    for line, (what, (_, expected)) in zip(lines, files.items(), strict=True):
        assert expected in line, (what, line)
        assert float(line.split()[0]) < 5, (what, line)
