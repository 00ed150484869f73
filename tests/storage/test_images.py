"""Pictures from outside: what is decoded, and how each kind of bad one is refused."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import time
import zlib

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from storage.uploads.images import BadPhoto, Pixels, Reason, decode, encode_png
from tests.storage import pictures
from tests.storage.pictures import (
    encoded,
    jpeg_segment,
    marked,
    picture,
    png_chunk,
    tiff,
    with_chunks,
    with_segments,
)

MAX_BYTES, MAX_PIXELS = 1_000_000, 50_000_000
SOUND = [
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


def decoded(data: bytes, name: str = "a.jpg", max_pixels: int = MAX_PIXELS) -> Pixels:
    return decode(data, name, max_bytes=MAX_BYTES, max_pixels=max_pixels)


def refused_photo(data: bytes, name: str = "a.jpg") -> BadPhoto:
    with pytest.raises(BadPhoto, match=f"^{name}: ") as error:
        decoded(data, name)
    assert len(str(error.value).splitlines()) == 1
    return error.value


def decoded_or_refused(data: bytes) -> None:
    try:
        pixels = decoded(data, max_pixels=100_000)
    except BadPhoto as error:
        refusal = error
    else:
        assert pixels.dtype == np.uint8
        assert pixels.ndim == 3
        assert pixels.shape[2] == 3
        return
    assert str(refusal).startswith("a.jpg: ")
    assert isinstance(refusal.reason, Reason)


@given(
    st.binary(max_size=300)
    | st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x20\0\0\0WEBPVP8 "]).flatmap(
        lambda start: st.binary(max_size=200).map(lambda rest: start + rest)
    )
)
@example(b"")
def test_any_bytes_are_decoded_or_refused_by_name(data: bytes):
    decoded_or_refused(data)


@given(st.sampled_from(SOUND), _CHANGES, st.integers(0, 40))
def test_a_picture_with_changed_bytes_is_decoded_or_refused_by_name(
    data: bytes, changes: list[tuple[int, int]], cut: int
):
    changed = bytearray(data)
    for place, value in changes:
        changed[place % len(changed)] = value
    decoded_or_refused(bytes(changed[: len(changed) - cut]))


@given(st.binary(min_size=1, max_size=80))
@example(b"II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x00\x00")
@example(b"MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x05\x00\x00\x00\x01\xff\xff\xff\xff")
def test_exif_of_any_bytes_never_breaks_the_decoding(exif: bytes):
    for file_format in ("JPEG", "PNG", "WEBP"):
        decoded_or_refused(encoded(picture(), file_format, exif=b"Exif\0\0" + exif))


@pytest.mark.parametrize(
    "bomb", [pictures.png_bomb(), pictures.jpeg_bomb(), pictures.jpeg_bomb(8000)]
)
def test_a_bomb_is_refused_by_its_header_at_once(bomb: bytes):
    start = time.perf_counter()
    assert refused_photo(bomb).reason is Reason.TOO_MANY_PIXELS
    assert time.perf_counter() - start < 0.5


def test_a_webp_bomb_is_refused_by_its_header():
    assert refused_photo(pictures.webp_bomb()).reason is Reason.TOO_MANY_PIXELS


def test_bombs_take_no_memory():
    program = """
import resource
from storage.uploads.images import BadPhoto, decode
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
    assert decoded(data, max_pixels=200).shape == (10, 20, 3)
    with pytest.raises(BadPhoto, match="20×10 pixels, not decoded"):
        decoded(data, max_pixels=199)


def test_a_file_above_the_byte_limit_is_refused_unread():
    assert refused_photo(bytes(MAX_BYTES + 1)).reason is Reason.TOO_LARGE


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("part", [0.5, 0.9])
def test_a_truncated_picture_is_refused(file_format: str, part: float):
    data = encoded(picture(width=64, height=64), file_format)
    refused = refused_photo(data[: int(len(data) * part)])
    assert refused.reason in {Reason.TRUNCATED, Reason.NOT_AN_IMAGE}


@pytest.mark.parametrize("file_format", ["PNG", "WEBP"])
def test_an_animated_picture_is_refused(file_format: str):
    assert refused_photo(pictures.animated(file_format)).reason is Reason.ANIMATED


@pytest.mark.parametrize("file_format", ["GIF", "BMP", "TIFF", "ICO", "PDF"])
def test_other_formats_are_refused_whatever_their_ending(file_format: str):
    data = encoded(picture(), file_format)
    assert refused_photo(data, "photo.jpg").reason is Reason.NOT_AN_IMAGE


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_the_ending_of_the_name_does_not_matter(file_format: str):
    assert decoded(encoded(picture(), file_format), "holiday.gif").shape == (16, 24, 3)


def test_a_phone_s_jpeg_that_carries_a_second_view_is_decoded_as_its_first():
    data = encoded(marked(), "MPO", save_all=True, append_images=[picture()], quality=95)
    assert Image.open(io.BytesIO(data)).format == "MPO"
    assert np.abs(decoded(data).astype(int) - np.asarray(marked())).mean() < 8


def scene() -> Image.Image:
    """Looks different however it is turned or mirrored."""
    image = marked(24, 16)
    image.paste((0, 255, 0), (0, 0, 6, 4))
    return image


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_turned_as_its_exif_says(file_format: str, orientation: int):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95}}.get(file_format, {})
    data = encoded(scene(), file_format, exif=exif, **options)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    assert (decoded(data) == np.asarray(upright)).all()
    # EXIF 2.32, tag 0x0112: which edges of the scene the rows and columns of the file are.
    green_corner = {1: "tl", 2: "tr", 3: "br", 4: "bl", 5: "tl", 6: "tr", 7: "br", 8: "bl"}
    pixels = decoded(data)
    assert pixels.shape == ((16, 24, 3) if orientation < 5 else (24, 16, 3))
    row = 1 if green_corner[orientation][0] == "t" else -2
    column = 1 if green_corner[orientation][1] == "l" else -2
    assert pixels[row, column, 1] > 150


@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_of_either_byte_order_is_understood_and_nonsense_turns_nothing(order: str):
    for exif, turned in (
        (tiff(6, order), True),
        (tiff(9, order), False),
        (tiff(0, order), False),
        (tiff(6, order, kind=2), False),
        (tiff(6, order)[:-10], False),
    ):
        for data in (
            with_segments(jpeg_segment(0xE1, b"Exif\0\0" + exif)),
            with_chunks(png_chunk(b"eXIf", exif)),
            encoded(picture(), "WEBP", exif=exif),
        ):
            assert decoded(data).shape == ((24, 16, 3) if turned else (16, 24, 3))


def test_colours_under_transparent_pixels_are_no_part_of_the_picture():
    for mode in ("RGBA", "LA"):
        image = marked().convert(mode)
        image.putalpha(0)
        assert (decoded(encoded(image, "PNG")) == 255).all()
    flat = Image.new("P", (24, 16), 1)
    flat.putpalette([0, 0, 0, 9, 9, 9])
    assert (decoded(encoded(flat, "PNG", transparency=1)) == 255).all()


def test_cmyk_becomes_the_colours_that_were_meant():
    data = encoded(marked().convert("CMYK"), "JPEG", quality=95)
    assert np.abs(decoded(data).astype(int) - np.asarray(marked())).mean() < 20


def test_a_16_bit_png_is_scaled_not_clipped():
    wide = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    pixels = decoded(encoded(Image.fromarray(wide), "PNG"))
    assert np.abs(pixels[..., 0].astype(int) - (wide // 257)).max() <= 1
    assert (pixels == pixels[..., :1]).all()


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1"])
def test_grey_alpha_and_palette_become_three_channels(mode: str):
    pixels = decoded(encoded(marked().convert(mode), "PNG"))
    assert pixels.shape == (16, 24, 3)
    if mode in {"RGBA", "P"}:
        assert np.abs(pixels.astype(int) - np.asarray(marked())).max() < 40
    else:
        assert (pixels == pixels[..., :1]).all()


def test_a_crop_kept_as_png_loses_nothing():
    pixels = np.asarray(picture(seed=5))
    assert (decoded(encode_png(pixels)) == pixels).all()


@pytest.mark.parametrize("data", SOUND, ids=range(len(SOUND)))
def test_a_picture_truncated_anywhere_is_refused(data: bytes):
    for length in range(len(data) - 20):
        if length < 0.9 * len(data):
            refused_photo(data[:length])
        else:
            decoded_or_refused(data[:length])


def test_an_animated_gif_is_refused_and_a_still_apng_is_a_picture():
    assert refused_photo(pictures.animated("GIF")).reason is Reason.NOT_AN_IMAGE
    still = with_chunks(png_chunk(b"acTL", bytes([0, 0, 0, 1, 0, 0, 0, 0])))
    assert decoded(still).shape == (16, 24, 3)
    lies = with_chunks(png_chunk(b"acTL", b"\xff" * 8))
    assert refused_photo(lies).reason is Reason.ANIMATED


@pytest.mark.parametrize("colours", [0, 2, 4, 6])
def test_16_bits_a_channel_become_the_same_8_as_their_upper_ones(colours: int):
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colours]
    values = np.random.default_rng(1).integers(0, 256, (8, 8, channels), dtype=np.uint8)
    if channels in {2, 4}:
        values[..., -1] = 255
    rows = b"".join(b"\0" + row.repeat(2).tobytes() for row in values)
    header = struct.pack(">IIBBBBB", 8, 8, 16, colours, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        png_chunk(kind, body)
        for kind, body in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    )
    wanted = values[..., :3] if channels > 2 else values[..., :1].repeat(3, axis=2)
    assert (decoded(data) == wanted).all()
