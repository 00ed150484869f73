"""A damaged file is loaded or refused: never another error, never a hang."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.recognizer.graphs import make, make_external
from tests.recognizer.networks import build, export
from workers.recognizer import BadModel, Recognizer

SECONDS = 5  # generous for a busy machine: loading takes a twentieth of one
damage = settings(
    max_examples=120,
    deadline=SECONDS * 1000,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@cache
def network(family: str) -> bytes:
    with TemporaryDirectory() as folder:
        return export(build(family), Path(folder) / "m.onnx", opset=13).read_bytes()


def load(content: bytes, data: bytes | None = None) -> None:
    """Load it, and if that works train through it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(content)
        if data is not None:
            (path.parent / "model.bin").write_bytes(data)
        try:
            recognizer = Recognizer.load(path)
            recognizer.cut_points()
            recognizer.module()
        except BadModel as error:
            refusal = str(error)
        else:
            return
    assert refusal.startswith(f"{path}: ")
    assert "\n" not in refusal


def flipped(content: bytes, flips: list[tuple[float, int]]) -> bytes:
    damaged = bytearray(content)
    for place, value in flips:
        damaged[int(place * (len(damaged) - 1))] ^= value
    return bytes(damaged)


FLIPS = st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), min_size=1, max_size=6)


@damage
@given(st.sampled_from(["mobilefacenet", "ghostfacenet", "vit"]), st.floats(0, 1))
def test_truncated(family: str, share: float) -> None:
    content = network(family)
    load(content[: int(share * len(content))])


@damage
@given(st.sampled_from(["mobilefacenet", "ghostfacenet", "vit"]), FLIPS)
def test_flipped(family: str, flips: list[tuple[float, int]]) -> None:
    load(flipped(network(family), flips))


@damage
@given(FLIPS)
def test_flipped_where_there_is_hardly_a_weight(flips: list[tuple[float, int]]) -> None:
    with TemporaryDirectory() as folder:
        path = make_external(make(), Path(folder) / "model.onnx")
        content, data = path.read_bytes(), (path.parent / "model.bin").read_bytes()
    load(flipped(content, flips), data)


@damage
@given(st.binary(max_size=300))
def test_anything_at_all(content: bytes) -> None:
    load(content)
    load(b"\x08\x08\x42\x02\x10\x11" + content)
