"""Canonical JSON against the examples of RFC 8785, and documents that are none."""

from __future__ import annotations

import json
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.canonical import Corrupt, canonical, file_sha256, parse, sha256

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


def test_the_sample_of_rfc_8785_section_3_2_2_becomes_the_bytes_of_section_3_2_4():
    document = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    text = (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical(document) == text.encode()


def test_names_are_sorted_by_utf_16_code_units_as_in_rfc_8785_section_3_2_3():
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    found = list(json.loads(canonical(dict.fromkeys(keys, 0))))
    assert found == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


@pytest.mark.parametrize(
    ("bits", "text"),
    [
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("41b3de4355555557", "333333333.33333343"),
    ],
)
def test_numbers_are_written_as_in_rfc_8785_appendix_b(bits: str, text: str):
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical({"n": number}) == f'{{"n":{text}}}'.encode()


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 2**53])
def test_numbers_that_json_cannot_carry_are_refused(number: float):
    with pytest.raises(ValueError, match=r"JCS|domain"):
        canonical({"n": number})


@given(st.dictionaries(st.text(max_size=4), _JSON, max_size=4))
def test_what_is_written_reads_back_the_same_and_writes_the_same_bytes(document: dict):
    data = canonical(document)
    assert parse(data, "document") == document
    assert canonical(parse(data, "document")) == data


@pytest.mark.parametrize("data", [b"[]", b"1", b'"text"', b"null", b"true", b"", b"{", b"\xff{}"])
def test_what_is_no_json_object_is_refused_by_name(data: bytes):
    with pytest.raises(Corrupt, match=r"^tickets/x\.json: not "):
        parse(data, "tickets/x.json")


@given(st.binary(max_size=64) | st.text(alphabet='{}[]":,0e-\\u ', max_size=40).map(str.encode))
def test_any_bytes_are_an_object_or_corrupt_and_nothing_else(data: bytes):
    try:
        found: object = parse(data, "x")
    except Corrupt as error:
        found = str(error)
    assert isinstance(found, dict) or str(found).startswith("x: not ")


def test_json_nested_without_end_is_refused():
    with pytest.raises(Corrupt, match="not JSON"):
        parse(b'{"a":' * 100_000, "deep.json")


def test_a_file_has_the_digest_of_its_bytes(tmp_path):
    data = bytes(range(256)) * 9000  # more than two chunks
    (tmp_path / "file").write_bytes(data)
    assert file_sha256(tmp_path / "file") == sha256(data)
