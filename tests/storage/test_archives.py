"""Archives from outside: which photos come out, and how each kind of bad archive is refused."""

from __future__ import annotations

import gzip
import io
import tarfile
import warnings
import zipfile

import pytest

from storage.tickets.photos import Photo
from storage.uploads.archives import Limits, is_archive
from tests.storage.packing import FILES, GIVEN, PACKED, read, refusal, special, tarred, zipped
from tests.storage.pictures import encoded, picture


@pytest.mark.parametrize("kind", PACKED)
def test_photos_come_out_as_they_were_packed_named_without_their_folders(kind: str):
    assert read(PACKED[kind](FILES)) == GIVEN


@pytest.mark.parametrize("kind", [kind for kind in PACKED if kind != "ustar"])
def test_long_and_foreign_names_come_out_whole(kind: str):
    name = "写真-" + "x" * 150 + ".jpg"
    assert read(PACKED[kind]({f"Fotos/Zürich/{name}": b"a"})) == [Photo(name, b"a")]


@pytest.mark.parametrize("kind", PACKED)
def test_hidden_files_and_what_systems_add_are_left_out_in_silence(kind: str):
    unseen = {
        "__MACOSX/holiday/._IMG_0.jpg": b"x", ".DS_Store": b"x", "holiday/.thumbs/a.jpg": b"x",
        "holiday/Thumbs.db": b"x", "desktop.ini": b"x",
    }  # fmt: skip
    assert read(PACKED[kind]({**unseen, **FILES})) == GIVEN


def test_folders_and_backslashes_as_windows_packs_them_are_no_obstacle():
    assert read(zipped({"holiday/": b"", "more\\": b"", "more\\a.jpg": b"a"})) == [
        Photo("a.jpg", b"a")
    ]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, kind in (("holiday", tarfile.DIRTYPE), ("holiday/a.jpg", tarfile.REGTYPE)):
            info = tarfile.TarInfo(name)
            info.type = kind
            archive.addfile(info)
    assert read(buffer.getvalue()) == [Photo("a.jpg", b"")]


def test_same_names_in_two_folders_are_two_photos():
    assert len(read(zipped({"one/a.jpg": b"1", "two/a.jpg": b"2"}))) == 2


def test_what_the_archive_is_called_does_not_say_how_it_is_read():
    assert read(PACKED["tar.gz"](FILES), "photos.zip") == GIVEN
    assert is_archive("Photos.TAR.GZ")
    assert not is_archive("photo.jpg")


@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize(
    "name",
    ["../a.jpg", "a/../../b.jpg", "/etc/a.jpg", "C:\\a.jpg", "c:a.jpg", "..\\a.jpg",
     "\\\\pc\\a.jpg", "../.hidden"],
)  # fmt: skip
def test_names_that_lead_out_of_the_archive_are_refused(kind: str, name: str):
    message = refusal(PACKED[kind]({"b.jpg": b"b", name: b"a"}))
    assert message.startswith(f"member {name!r}: leads out of the archive")


@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("notes.txt", "not a photo"),
        ("photo.gif", "not a photo"),
        ("photo", "not a photo"),
        ("more.zip", "an archive inside the archive"),
        ("more.tar.xz", "an archive inside the archive"),
        ("a\nb\x1b[2J.jpg", "a name that is no file's"),
    ],
)
def test_members_that_are_no_photos_are_refused_by_name(kind: str, name: str, why: str):
    message = refusal(PACKED[kind]({**FILES, name: b"x"}))
    assert message.startswith(f"member {name!r}: {why}")


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE,
             tarfile.CONTTYPE, tarfile.GNUTYPE_SPARSE, b"Z"],
)  # fmt: skip
def test_links_devices_and_fifos_in_a_tar_file_are_refused(kind: bytes):
    assert "member 'a.jpg': a link or a device" in refusal(special(kind))


@pytest.mark.parametrize("mode", [0o120777, 0o020666, 0o060666, 0o010666, 0o140666])
def test_links_devices_and_fifos_in_a_zip_file_are_refused(mode: int):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("a.jpg")
        info.create_system, info.external_attr = 3, mode << 16
        archive.writestr(info, "/etc/passwd")
    assert "member 'a.jpg': a link or a device" in refusal(buffer.getvalue())


def test_a_sparse_member_of_a_pax_tar_file_is_refused():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("a.jpg")
        info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.realsize": str(2**60)}
        archive.addfile(info)
    assert "a link or a device" in refusal(buffer.getvalue())


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_the_same_name_twice_is_refused(kind: str):
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if kind == "zip":
            with zipfile.ZipFile(buffer, "w") as archive:
                archive.writestr("a.jpg", b"1")
                archive.writestr("./a.jpg", b"2")
        else:
            with tarfile.open(fileobj=buffer, mode="w") as tar:
                tar.addfile(tarfile.TarInfo("a.jpg"))
                tar.addfile(tarfile.TarInfo("./a.jpg"))
    assert "twice in the archive" in refusal(buffer.getvalue())


@pytest.mark.parametrize("kind", PACKED)
def test_too_many_photos_members_and_bytes_are_refused(kind: str):
    pack = PACKED[kind]
    assert "more than 10 photos" in refusal(pack({f"{i}.jpg": b"x" for i in range(11)}))
    assert "more than 140 members" in refusal(pack({f".{i}": b"" for i in range(450)}))
    noise = encoded(picture(1, 400, 400), "PNG")
    assert "member 'a.png': 0 MiB; at most 0 MiB a photo" in refusal(pack({"a.png": noise}))
    few = Limits(photos=10, photo_bytes=10**6, bytes=10**6)
    assert "more than 0 MiB unpacked" in refusal(
        pack({f"{i}.png": noise for i in range(9)}), limits=few
    )


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.xz"])
def test_a_member_that_unpacks_to_far_more_than_it_was_is_refused(kind: str):
    limits = Limits(photos=10, photo_bytes=10**9, bytes=10**9)
    bomb = PACKED[kind]({"a.jpg": bytes(40_000_000)})
    assert "unpacks to more than 200 times its size" in refusal(bomb, limits=limits)


def test_an_archive_without_photos_is_refused():
    for empty in (zipped({}), tarred({".hidden": b""}), gzip.compress(tarred({".a": b""}))):
        assert refusal(empty) == "holds no photos; pack JPEG, PNG or WebP files"


def test_an_encrypted_member_is_refused():
    data = bytearray(zipped({"a.jpg": b"x"}))
    for sign, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(sign) + place] |= 1
    assert refusal(bytes(data)).startswith("member 'a.jpg': encrypted")
    only_local = bytearray(zipped({"a.jpg": b"x"}))
    only_local[6] |= 1
    assert "contradicts the archive's directory" in refusal(bytes(only_local))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packings_that_unpack_without_a_bound_are_refused(method: int):
    assert "packed in a way that is not read here" in refusal(zipped(FILES, method))
