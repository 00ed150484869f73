"""Photos packed into archives of every kind, and what comes of reading them."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Mapping

import pytest

from storage.tickets.photos import Photo
from storage.uploads.archives import BadArchive, Limits, photos_in
from tests.storage.pictures import photos

LIMITS = Limits(photos=10, photo_bytes=100_000, bytes=500_000)
GIVEN = photos(3)
FILES = {f"holiday/{photo.name}": photo.data for photo in GIVEN}


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of doubled names
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tarred(files: Mapping[str, bytes], style: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=style) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def special(kind: bytes, name: str = "a.jpg") -> bytes:
    """A tar file with one member of a kind, beside a photo."""
    buffer = io.BytesIO(tarred({"b.jpg": GIVEN[0].data}))
    with tarfile.open(fileobj=buffer, mode="a") as archive:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    return buffer.getvalue()


def read(data: bytes, name: str = "photos.zip", limits: Limits = LIMITS) -> list[Photo]:
    return photos_in(io.BytesIO(data), name, limits)


def refusal(data: bytes, name: str = "photos.zip", limits: Limits = LIMITS) -> str:
    with pytest.raises(BadArchive) as caught:
        read(data, name, limits)
    message = str(caught.value)
    assert message.startswith(f"{name}: ")
    assert len(message.splitlines()) == 1
    assert message.isprintable()
    assert len(message) < 300
    return message.removeprefix(f"{name}: ")


PACKED: dict[str, Callable[[Mapping[str, bytes]], bytes]] = {
    "zip": zipped,
    "stored zip": lambda files: zipped(files, zipfile.ZIP_STORED),
    "pax tar": tarred,
    "gnu tar": lambda files: tarred(files, tarfile.GNU_FORMAT),
    "ustar": lambda files: tarred(files, tarfile.USTAR_FORMAT),
    "tar.gz": lambda files: gzip.compress(tarred(files)),
    "tar.xz": lambda files: lzma.compress(tarred(files)),
}
