"""Pictures from outside: bounded by their header before anything is decoded."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Callable
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from storage.errors import BadInput
from storage.uploads import picture_file

FORMATS = ("JPEG", "PNG", "WEBP")
Pixels = NDArray[np.uint8]
BAND = 256  # rows converted at a time
# EXIF orientation → what makes the picture upright
TURNS: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels[::-1, ::-1].transpose(1, 0, 2),
    8: lambda pixels: np.rot90(pixels),
}
# All that Pillow raises over bytes that are no sound picture.
_DAMAGED = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    ArithmeticError,
    LookupError,
    TypeError,
    struct.error,
    zlib.error,
)


class Reason(StrEnum):
    """Why a photo is refused: the label of ``lethe_photos_rejected_total``."""

    NOT_AN_IMAGE = "not_an_image"
    TRUNCATED = "truncated"
    TOO_LARGE = "too_large"
    TOO_MANY_PIXELS = "too_many_pixels"
    ANIMATED = "animated"
    DUPLICATE = "duplicate"
    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    NOT_CROPPED = "not_cropped"
    SOMEBODY_ELSE = "somebody_else"


class BadPhoto(BadInput):
    """A photo that cannot be used. The message names the file, the reason and the remedy."""

    def __init__(self, name: str, reason: Reason, why: str) -> None:
        super().__init__(f"{name}: {why}")
        self.name, self.reason = name, reason


def decode(data: bytes, name: str, *, max_bytes: int, max_pixels: int) -> Pixels:
    """The picture as (H, W, 3) RGB, turned as its EXIF says, on white where it is transparent.

    Raises:
        BadPhoto: not a picture, truncated, too large, too many pixels, animated.
    """
    if len(data) > max_bytes:
        why = f"{len(data) / 2**20:.0f} MiB; at most {max_bytes / 2**20:.0f} MiB a photo, resize it"
        raise BadPhoto(name, Reason.TOO_LARGE, why)
    try:
        file = picture_file.read(data)
    except picture_file.Overloaded as error:
        raise BadPhoto(name, Reason.TOO_LARGE, str(error)) from None
    _check_pixels(
        picture_file.webp_size(data) if data.startswith(b"RIFF") else (0, 0), name, max_pixels
    )
    with warnings.catch_warnings():
        # Our own bounds are tighter than Pillow's warnings, which a stranger could make by the
        # thousand.
        warnings.simplefilter("ignore")
        image = _open(file.data, name)
        _check_pixels(image.size, name, max_pixels)
        if max(file.frames, getattr(image, "n_frames", 1)) > 1:
            why = "an animated picture; give one still photo a file"
            raise BadPhoto(name, Reason.ANIMATED, why)
        return _pixels(image, file, name)


def _check_pixels(size: tuple[int, int], name: str, max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        why = (
            f"{width}×{height} pixels, not decoded; "
            f"at most {max_pixels / 1e6:.0f} megapixels a photo, resize it"
        )
        raise BadPhoto(name, Reason.TOO_MANY_PIXELS, why)


def _open(data: bytes, name: str) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        why = "not a picture that can be read; give JPEG, PNG or WebP"
        raise BadPhoto(name, Reason.NOT_AN_IMAGE, why) from None
    except Image.DecompressionBombError:
        why = "far too many pixels, not decoded; resize it"
        raise BadPhoto(name, Reason.TOO_MANY_PIXELS, why) from None
    except _DAMAGED:
        why = "the picture breaks off in its header; copy the file again"
        raise BadPhoto(name, Reason.TRUNCATED, why) from None


def _pixels(image: Image.Image, file: picture_file.PictureFile, name: str) -> Pixels:
    try:
        image.load()
        # A WebP file's EXIF is in the decoder's hands; the others' was read before.
        orientation = max(file.orientation, picture_file.orientation(image.info.get("exif", b"")))
    except _DAMAGED:
        why = "the picture breaks off or is damaged; copy the file again"
        raise BadPhoto(name, Reason.TRUNCATED, why) from None
    rgb = np.empty((image.height, image.width, 3), np.uint8)
    for top in range(0, image.height, BAND):  # Pillow's own conversions hold several copies
        bottom = min(top + BAND, image.height)
        rgb[top:bottom] = _rgb(image.crop((0, top, image.width, bottom)))
    image.close()  # its pixels go before there are others
    return np.ascontiguousarray(TURNS[orientation](rgb))


def _rgb(band: Image.Image) -> Pixels:
    if band.mode.startswith("I"):  # 16 bits a channel: Pillow would clip, not scale
        band = Image.fromarray((np.asarray(band) >> 8).astype(np.uint8))
    if band.has_transparency_data:  # what is under transparent pixels is not part of the picture
        whole = band.convert("RGBA")
        band = Image.new("RGB", whole.size, "white")
        band.paste(whole, mask=whole)
    return np.asarray(band.convert("RGB"))


def encode_png(pixels: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
