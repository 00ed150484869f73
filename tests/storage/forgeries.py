"""Forgeries: a document of the object store with another value in one place, or another text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from storage.canonical import canonical

REPLACED = settings(
    max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
DEEP = 2000  # levels of nesting that json parses and that recursion does not survive


def deep(levels: int = DEEP) -> list[Any]:
    found: list[Any] = []
    for _ in range(levels):
        found = [found]
    return found


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**53, -(2**63), 10**400, 0.5, -1, 0, 1, 999_999, 10**6]),
    st.text(max_size=8),
    st.sampled_from(["../../users/ada", "\ud800", "a" * 10_000, "0" * 64, "\n\x1b[2J", "NaN"]),
    st.sampled_from([[], {}, [[]], [None], {"": None}, [1, 2, 3], [[1, 2]], [["a", "b"]]]),
    st.builds(deep, st.sampled_from([60, 300])),
    st.dictionaries(st.text(max_size=3), st.none() | st.integers(), max_size=3),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for key, item in items:
        yield from places(item, (*path, key))


def forged(document: dict[str, Any], path: tuple[Any, ...], value: Any) -> bytes:
    """The document with another value at a place; ``KeyError`` as a value leaves it out."""
    copy: Any = json.loads(json.dumps(document))
    if not path:
        return json.dumps(value).encode()
    place = copy
    for key in path[:-1]:
        place = place[key]
    if value is KeyError:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    try:
        return canonical(copy)  # so that nothing but the value is wrong
    except (ValueError, RecursionError):
        return json.dumps(copy).encode()


def texts(name: str, data: bytes) -> dict[str, bytes]:
    inside = data[1:]
    return {
        "nested without end": b'{"a":' + b"[" * 100_000,
        "nested deeply": b'{"a":' + b"[" * DEEP + b"]" * DEEP + b"," + inside,
        "not a number": b'{"a":NaN,' + inside,
        "endless": b'{"a":-Infinity,' + inside,
        "endless by its exponent": b'{"a":1e999,' + inside,
        "a number of 5,000 digits": b'{"a":' + b"9" * 5000 + b"," + inside,
        "a name twice": data[:-1] + b',"format":1,"format":1}',
        "half a letter": b'{"a":"\\ud800",' + inside,
        "with a mark of its bytes' order": b"\xef\xbb\xbf" + data,
        "as UTF-16": data.decode().encode("utf-16"),
        "of another thing": canonical({"name": name}),
        "empty": b"{}",
        "nothing": b"",
        "a list": b"[" + data + b"]",
    }
