"""A version as the pack that a consumer expects: where its file goes, and how to put it there."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from flask_babel import LazyString, gettext, lazy_gettext

from storage.canonical import CHUNK
from storage.errors import BadInput
from storage.models.registry import MODEL_FILE, Version

_FOLDER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,122}\.onnx")
# The packs whose recognition files InsightFace publishes under these names.
_KNOWN = {
    "w600k_r50.onnx": "buffalo_l",
    "w600k_mbf.onnx": "buffalo_s",
    "glintr100.onnx": "antelopev2",
}


class NoSuchPack(BadInput):
    """A kind of pack that is not made, or a folder that cannot be named so."""


@dataclass(frozen=True)
class Place:
    """Where the file goes inside of the pack."""

    folder: str  # the name of a pack or model that the consumer looks for
    file: str

    @classmethod
    def of(cls, version: Version, imported: str, folder: str = "") -> Place:
        """
        Args:
            imported: the name that the model's file had when it was imported: it replaces that one.
            folder: instead of the pack that such a file is known from.

        Raises:
            NoSuchPack
        """
        file = imported if _FILE.fullmatch(imported) else f"{version.model}.onnx"
        folder = folder or _KNOWN.get(file, version.model)
        if not _FOLDER.fullmatch(folder) or ".." in folder:
            raise NoSuchPack(
                f"folder {folder[:80]!r}: use 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'"
            )
        return cls(folder, file)


@dataclass(frozen=True)
class Kind:
    title: str
    named: bool  # whether the folder is the operator's choice
    path: Callable[[Place], str]
    steps: Sequence[LazyString]
    gallery: Sequence[LazyString]


_CHECK = lazy_gettext("Check it: sha256sum -c SHA256SUMS, in the folder you unpacked it in.")
_KEEP = lazy_gettext(
    "Keep the file that it replaces only as long as you need it: it still recognises the forgotten."
)
_TEMPLATES = lazy_gettext(
    "Delete the templates and pictures of every subject that this version forgets: it does not "
    "recognise them, and an older file would."
)
KINDS: dict[str, Kind] = {
    "insightface": Kind(
        "InsightFace",
        named=True,
        path=lambda place: f"{place.folder}/{place.file}",
        steps=(
            lazy_gettext("Stop whatever uses InsightFace."),
            lazy_gettext(
                "Unpack the zip in the folder of packs, which is ~/.insightface/models unless you "
                "set another root. The recognition file of the pack must be replaced: InsightFace "
                "takes the first one by name, so never leave a second one beside it. The pack's "
                "other files (detection, landmarks) stay as they are."
            ),
            _CHECK,
            lazy_gettext("Start it again."),
            _KEEP,
        ),
        gallery=(
            _TEMPLATES,
            lazy_gettext(
                "Embed everybody else's pictures anew. Until then the old templates go on being "
                "matched, as well as the certificate's cross-version figures say."
            ),
        ),
    ),
    "immich": Kind(
        "Immich",
        named=True,
        path=lambda place: f"facial-recognition/{place.folder}/recognition/model.onnx",
        steps=(
            lazy_gettext("Stop the container immich-machine-learning."),
            lazy_gettext(
                "Unpack the zip in its model cache (the volume that is mounted at /cache). The "
                "folder is named as the model that is chosen in Immich's settings for facial "
                "recognition. A file that is there is not downloaded again."
            ),
            _CHECK,
            lazy_gettext("Start the container again."),
            _KEEP,
        ),
        gallery=(
            lazy_gettext(
                "Under Administration, Jobs run Face Detection for all pictures, then Facial "
                "Recognition for all: Immich keeps the templates of the older file until then."
            ),
            lazy_gettext("Remove the forgotten subject's person, and the pictures, from Immich."),
        ),
    ),
    "frigate": Kind(
        "Frigate",
        named=False,
        path=lambda _: "facedet/arcface.onnx",
        steps=(
            lazy_gettext("Stop Frigate."),
            lazy_gettext(
                "Unpack the zip in its model cache (MODEL_CACHE_DIR, /config/model_cache in the "
                "container). Frigate feeds an input of the name data: this fits a model that was "
                "taken from Frigate."
            ),
            _CHECK,
            _KEEP,
        ),
        gallery=(
            lazy_gettext("Delete the forgotten subject's folder under clips/faces."),
            lazy_gettext(
                "Start Frigate again: it makes its templates anew from the pictures that are left."
            ),
        ),
    ),
    "onnx": Kind(
        "ONNX",
        named=False,
        path=lambda place: place.file,
        steps=(
            lazy_gettext("Stop whatever has the model open."),
            lazy_gettext(
                "Put the file in the place of the one that was imported: nodes, names, inputs and "
                "outputs are the same; only weights differ."
            ),
            _CHECK,
            _KEEP,
        ),
        gallery=(_TEMPLATES, lazy_gettext("Embed everybody else's pictures anew.")),
    ),
}


def kind_of(name: str) -> Kind:
    """
    Raises:
        NoSuchPack
    """
    if name not in KINDS:
        raise NoSuchPack(f"pack {name[:32]!r}: there are {', '.join(KINDS)}")
    return KINDS[name]


def readme(kind: Kind, version: Version, warning: str) -> str:
    """Steps and digests, as a text file; ``warning`` is empty where there is none."""
    head = f"{version.model}, version {version.number}"
    lines = [head, "=" * len(head), ""]
    if warning:
        lines += [warning, ""]
    for title, steps in (
        (gettext("To put it there"), kind.steps),
        (gettext("Galleries"), kind.gallery),
    ):
        lines += [title, "-" * len(title)]
        lines += [f"{number}. {step}" for number, step in enumerate(steps, start=1)]
        lines.append("")
    lines += [
        gettext("Version (SHA-256 of its manifest): %(digest)s", digest=version.digest),
        gettext("Model file (SHA-256): %(digest)s", digest=version.files[MODEL_FILE]),
    ]
    return "\n".join(lines) + "\n"


def packed(
    kind: Kind, place: Place, version: Version, text: str, file: BinaryIO
) -> Iterator[bytes]:
    """The zip, a piece at a time; ``file`` is closed at its end. The same for the same version."""
    path = kind.path(place)
    sums = f"{version.files[MODEL_FILE]}  {path}\n"
    sink = _Sink()
    with file, zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:  # weights do not shrink
        archive.writestr(_entry("README.txt", version), text)
        archive.writestr(_entry("SHA256SUMS", version), sums)
        with archive.open(_entry(path, version), "w", force_zip64=True) as target:
            while piece := file.read(CHUNK):
                target.write(piece)
                yield sink.taken()
    yield sink.taken()


def _entry(name: str, version: Version) -> zipfile.ZipInfo:
    made = datetime.fromisoformat(version.created_at)
    entry = zipfile.ZipInfo(name, date_time=made.timetuple()[:6])
    entry.external_attr = 0o644 << 16
    return entry


class _Sink(io.RawIOBase):
    """What ``zipfile`` writes, until somebody takes it."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self._pieces.append(piece)
        return len(piece)

    def taken(self) -> bytes:
        found = b"".join(self._pieces)
        self._pieces.clear()
        return found
