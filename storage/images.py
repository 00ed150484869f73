"""Pictures from outside: bounded by their header before anything is decoded."""

from __future__ import annotations

import io
import warnings
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from storage.errors import BadInput

FORMATS = ("JPEG", "PNG", "WEBP")
Pixels = NDArray[np.uint8]


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
    """The picture as (H, W, 3) RGB, turned as its EXIF says.

    Raises:
        BadPhoto: not a picture, truncated, too large, too many pixels, animated.
    """
    if len(data) > max_bytes:
        why = f"{len(data) / 2**20:.0f} MiB; at most {max_bytes / 2**20:.0f} MiB a photo, resize it"
        raise BadPhoto(name, Reason.TOO_LARGE, why)
    with warnings.catch_warnings():
        # Our own bound below is tighter than Pillow's warning about bombs.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        image = _open(data, name)
    width, height = image.size
    if width * height > max_pixels:
        why = (
            f"{width}×{height} pixels, not decoded; "
            f"at most {max_pixels / 1e6:.0f} megapixels a photo, resize it"
        )
        raise BadPhoto(name, Reason.TOO_MANY_PIXELS, why)
    # MPO is a JPEG with a second view or a depth map, as many phones save it: still one photo.
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise BadPhoto(name, Reason.ANIMATED, "an animated picture; give one still photo a file")
    return _pixels(image, name)


def _open(data: bytes, name: str) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        why = "not a picture that can be read; give JPEG, PNG or WebP"
        raise BadPhoto(name, Reason.NOT_AN_IMAGE, why) from None
    except Image.DecompressionBombError:
        why = "far too many pixels, not decoded; resize it"
        raise BadPhoto(name, Reason.TOO_MANY_PIXELS, why) from None
    except (OSError, ValueError, SyntaxError, EOFError):
        why = "the picture breaks off in its header; copy the file again"
        raise BadPhoto(name, Reason.TRUNCATED, why) from None


def _pixels(image: Image.Image, name: str) -> Pixels:
    try:
        image.load()
        upright = ImageOps.exif_transpose(image)
    except (OSError, ValueError, SyntaxError, EOFError, ArithmeticError):
        why = "the picture breaks off or is damaged; copy the file again"
        raise BadPhoto(name, Reason.TRUNCATED, why) from None
    if upright.mode.startswith(("I", "F")):  # 16 bits a channel: Pillow would clip, not scale
        wide = np.asarray(upright, dtype=np.float64)
        upright = Image.fromarray((wide / 257.0).clip(0, 255).astype(np.uint8))
    return np.asarray(upright.convert("RGB"))


def encode_png(pixels: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
