"""Photos out of an uploaded archive: read as a stream, bounded in all it claims, never unpacked.

What is refused here is refused before it is read: Fifield's overlapping files ("A better zip
bomb", WOOT 2019), entries that their own headers contradict, names that leave the archive, links,
devices, archives in archives, encryption. Nothing is written to disk.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

from storage.faces.sets import SUFFIXES
from storage.settings import MIB, Settings
from storage.tickets.photos import Photo
from storage.uploads import tar_archive, zip_archive
from storage.uploads.archive_member import BadArchive, Member

__all__ = ["ARCHIVES", "BadArchive", "Limits", "is_archive", "photos_in"]

# What an archive's name ends in; which kind it is, its bytes say.
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz")
MOST_BYTES = 512 * MIB  # of all photos together: they are in memory at once
_DRIVE = re.compile(r"[A-Za-z]:")
# What the systems that people pack on add, and do not show them.
_UNSEEN_FOLDER, _UNSEEN_FILES = "__MACOSX", frozenset({"thumbs.db", "desktop.ini"})


@dataclass(frozen=True)
class Limits:
    photos: int
    photo_bytes: int
    bytes: int = MOST_BYTES  # of all members together, unpacked

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        return cls(settings.photos_per_ticket, settings.photo_bytes)

    @property
    def members(self) -> int:
        """With folders, and the twin that macOS packs beside each file."""
        return 4 * self.photos + 100


def is_archive(name: str) -> bool:
    return name.lower().endswith(ARCHIVES)


def photos_in(data: IO[bytes], name: str, limits: Limits) -> list[Photo]:
    """The photos of a zip, tar, tar.gz or tar.xz file, each named as its member, without folders.

    Hidden files are left out. What the photos show is not looked at: ``images.decode`` does that.

    Args:
        data: seekable.
        name: the archive's, for messages.

    Raises:
        BadArchive: one line with the archive's name, and the member's where one is at fault.
    """
    try:
        return _photos(_reader(data)(data, limits.members, limits.bytes), limits)
    except BadArchive as refusal:
        raise BadArchive(f"{name}: {refusal}") from None


def _reader(data: IO[bytes]) -> Callable[[IO[bytes], int, int], Iterator[Member]]:
    data.seek(0)
    start = data.read(tar_archive.BLOCK)
    data.seek(0)
    if start.startswith(zip_archive.STARTS):
        return zip_archive.members
    if tar_archive.starts(start):
        return tar_archive.members
    raise BadArchive("not an archive that can be read; give a zip, tar, tar.gz or tar.xz file")


def _photos(members: Iterator[Member], limits: Limits) -> list[Photo]:
    photos: list[Photo] = []
    seen: set[PurePosixPath] = set()
    total = 0
    for member in members:
        path = _path(member)
        if member.is_folder or _is_unseen(path):
            continue
        _check(member, path, seen, limits)
        if len(photos) == limits.photos:
            raise BadArchive(f"more than {limits.photos} photos; leave some out")
        seen.add(path)
        total += member.size
        if total > limits.bytes:
            raise BadArchive(f"more than {limits.bytes // MIB} MiB unpacked; leave some photos out")
        photos.append(Photo(path.name, member.read()))
    if not photos:
        raise BadArchive("holds no photos; pack JPEG, PNG or WebP files")
    return photos


def _path(member: Member) -> PurePosixPath:
    """The member's path inside the archive; Windows programs write backslashes.

    Raises:
        BadArchive: it leads out of the archive, or cannot be shown.
    """
    text = member.name.replace("\\", "/")
    path = PurePosixPath(text)
    if path.is_absolute() or _DRIVE.match(text) or ".." in path.parts:
        raise member.bad("leads out of the archive; pack the photos again, in one folder")
    if not text.isprintable() or not (path.parts or member.is_folder):
        raise member.bad("a name that is no file's; rename it and pack again")
    return path


def _is_unseen(path: PurePosixPath) -> bool:
    return (
        any(part.startswith(".") or part == _UNSEEN_FOLDER for part in path.parts)
        or path.name.lower() in _UNSEEN_FILES
    )


def _check(member: Member, path: PurePosixPath, seen: set[PurePosixPath], limits: Limits) -> None:
    """
    Raises:
        BadArchive
    """
    if not member.is_file:
        raise member.bad("a link or a device, not a file; pack the photos themselves")
    if is_archive(path.name) or path.suffix.lower() in {".gz", ".xz", ".bz2", ".7z", ".rar"}:
        raise member.bad("an archive inside the archive; unpack it and pack its photos")
    if path.suffix.lower() not in SUFFIXES:
        raise member.bad("not a photo; leave in only JPEG, PNG and WebP files")
    if path in seen:
        raise member.bad("twice in the archive; pack the photos again")
    if member.size > limits.photo_bytes:
        raise member.bad(
            f"{member.size / MIB:.0f} MiB; at most {limits.photo_bytes / MIB:.0f} MiB a photo, "
            "resize it"
        )
