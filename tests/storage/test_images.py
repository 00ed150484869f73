"""Pictures from outside: what is decoded, and how each kind of bad one is refused."""

from __future__ import annotations

import io
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from storage.images import BadPhoto, Pixels, Reason, decode, encode_png
from tests.storage import pictures
from tests.storage.pictures import encoded, marked, picture

MAX_BYTES, MAX_PIXELS = 1_000_000, 50_000_000
_SOUND = [
    encoded(picture(), "JPEG"),
    encoded(picture(), "PNG"),
    encoded(picture(), "WEBP"),
    encoded(picture(), "WEBP", lossless=True),
    encoded(picture(), "JPEG", progressive=True),
    encoded(picture().convert("P"), "PNG", transparency=0),
    encoded(Image.fromarray(np.arange(384, dtype=np.uint16).reshape(16, 24)), "PNG"),
    pictures.turned(6),
    pictures.animated("PNG"),
    pictures.animated("WEBP"),
]
# Bytes of the headers, where a flipped bit does more than in the picture's own data.
_CHANGES = st.lists(
    st.tuples(st.integers(0, 200) | st.integers(0, 4000), st.integers(0, 255)),
    min_size=1,
    max_size=6,
)


def _decode(data: bytes, name: str = "a.jpg", max_pixels: int = MAX_PIXELS) -> Pixels:
    return decode(data, name, max_bytes=MAX_BYTES, max_pixels=max_pixels)


def _refused(data: bytes, name: str = "a.jpg") -> BadPhoto:
    with pytest.raises(BadPhoto, match=f"^{name}: ") as error:
        _decode(data, name)
    assert len(str(error.value).splitlines()) == 1
    return error.value


def _decoded_or_refused(data: bytes) -> None:
    try:
        pixels = _decode(data, max_pixels=100_000)
    except BadPhoto as error:
        refused = error
    else:
        assert pixels.dtype == np.uint8
        assert pixels.ndim == 3
        assert pixels.shape[2] == 3
        return
    assert str(refused).startswith("a.jpg: ")
    assert isinstance(refused.reason, Reason)


@given(
    st.binary(max_size=300)
    | st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x20\0\0\0WEBPVP8 "]).flatmap(
        lambda start: st.binary(max_size=200).map(lambda rest: start + rest)
    )
)
@example(b"")
def test_any_bytes_are_decoded_or_refused_by_name(data: bytes):
    _decoded_or_refused(data)


@given(st.sampled_from(_SOUND), _CHANGES, st.integers(0, 40))
def test_a_picture_with_changed_bytes_is_decoded_or_refused_by_name(
    data: bytes, changes: list[tuple[int, int]], cut: int
):
    changed = bytearray(data)
    for place, value in changes:
        changed[place % len(changed)] = value
    _decoded_or_refused(bytes(changed[: len(changed) - cut]))


@given(st.binary(min_size=1, max_size=80))
@example(b"II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x00\x00")
@example(b"MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x05\x00\x00\x00\x01\xff\xff\xff\xff")
def test_exif_of_any_bytes_never_breaks_the_decoding(exif: bytes):
    for file_format in ("JPEG", "PNG", "WEBP"):
        _decoded_or_refused(encoded(picture(), file_format, exif=b"Exif\0\0" + exif))


@pytest.mark.parametrize(
    "bomb", [pictures.png_bomb(), pictures.jpeg_bomb(), pictures.jpeg_bomb(8000)]
)
def test_a_bomb_is_refused_by_its_header_at_once(bomb: bytes):
    start = time.perf_counter()
    assert _refused(bomb).reason is Reason.TOO_MANY_PIXELS
    assert time.perf_counter() - start < 0.5


def test_a_webp_bomb_is_refused_by_its_header():
    assert _refused(pictures.webp_bomb()).reason is Reason.TOO_MANY_PIXELS


def test_bombs_take_no_memory():
    program = """
import resource
from storage.images import BadPhoto, decode
from tests.storage import pictures
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
decode(pictures.encoded(pictures.picture(), "WEBP"), "a", max_bytes=10**6, max_pixels=10**6)
before = peak()
for bomb in (pictures.png_bomb(), pictures.jpeg_bomb(), pictures.webp_bomb()):
    try:
        decode(bomb, "a", max_bytes=10**6, max_pixels=50_000_000)
    except BadPhoto as error:
        print(error.reason, end=" ")
print(peak() - before)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    *reasons, kibibytes = run.stdout.split()
    assert reasons == ["too_many_pixels"] * 3, run.stderr
    assert int(kibibytes) < 20_000


def test_the_pixel_limit_is_the_one_that_is_given():
    data = encoded(picture(width=20, height=10), "PNG")
    assert _decode(data, max_pixels=200).shape == (10, 20, 3)
    with pytest.raises(BadPhoto, match="20×10 pixels, not decoded"):
        _decode(data, max_pixels=199)


def test_a_file_above_the_byte_limit_is_refused_unread():
    assert _refused(bytes(MAX_BYTES + 1)).reason is Reason.TOO_LARGE


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("part", [0.5, 0.9])
def test_a_truncated_picture_is_refused(file_format: str, part: float):
    data = encoded(picture(width=64, height=64), file_format)
    refused = _refused(data[: int(len(data) * part)])
    assert refused.reason in {Reason.TRUNCATED, Reason.NOT_AN_IMAGE}


@pytest.mark.parametrize("file_format", ["PNG", "WEBP"])
def test_an_animated_picture_is_refused(file_format: str):
    assert _refused(pictures.animated(file_format)).reason is Reason.ANIMATED


@pytest.mark.parametrize("file_format", ["GIF", "BMP", "TIFF", "ICO", "PDF"])
def test_other_formats_are_refused_whatever_their_ending(file_format: str):
    data = encoded(picture(), file_format)
    assert _refused(data, "photo.jpg").reason is Reason.NOT_AN_IMAGE


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_the_ending_of_the_name_does_not_matter(file_format: str):
    assert _decode(encoded(picture(), file_format), "holiday.gif").shape == (16, 24, 3)


def test_a_phone_s_jpeg_that_carries_a_second_view_is_decoded_as_its_first():
    data = encoded(marked(), "MPO", save_all=True, append_images=[picture()], quality=95)
    assert Image.open(io.BytesIO(data)).format == "MPO"
    assert np.abs(_decode(data).astype(int) - np.asarray(marked())).mean() < 8


@pytest.mark.parametrize(
    ("orientation", "shape", "red_end"),
    [
        (1, (16, 24, 3), "left"),
        (2, (16, 24, 3), "right"),
        (3, (16, 24, 3), "right"),
        (6, (24, 16, 3), "top"),
        (8, (24, 16, 3), "bottom"),
    ],
)
def test_a_picture_is_turned_as_its_exif_says(
    orientation: int, shape: tuple[int, int, int], red_end: str
):
    pixels = _decode(pictures.turned(orientation))
    assert pixels.shape == shape
    ends = {
        "left": pixels[8, 2],
        "right": pixels[8, -3],
        "top": pixels[2, 8],
        "bottom": pixels[-3, 8],
    }
    assert ends[red_end][0] > 200
    assert ends[red_end][2] < 60


def test_cmyk_becomes_the_colours_that_were_meant():
    data = encoded(marked().convert("CMYK"), "JPEG", quality=95)
    assert np.abs(_decode(data).astype(int) - np.asarray(marked())).mean() < 20


def test_a_16_bit_png_is_scaled_not_clipped():
    wide = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    pixels = _decode(encoded(Image.fromarray(wide), "PNG"))
    assert np.abs(pixels[..., 0].astype(int) - (wide // 257)).max() <= 1
    assert (pixels == pixels[..., :1]).all()


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1"])
def test_grey_alpha_and_palette_become_three_channels(mode: str):
    pixels = _decode(encoded(marked().convert(mode), "PNG"))
    assert pixels.shape == (16, 24, 3)
    if mode in {"RGBA", "P"}:
        assert np.abs(pixels.astype(int) - np.asarray(marked())).max() < 40
    else:
        assert (pixels == pixels[..., :1]).all()


def test_a_crop_kept_as_png_loses_nothing():
    pixels = np.asarray(picture(seed=5))
    assert (_decode(encode_png(pixels)) == pixels).all()
