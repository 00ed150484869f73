"""Names from outside: good ones pass, all others are refused before a key is built."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import names, object_names
from storage.names import BadName
from storage.tickets.states import State

_ANY = (
    st.text(max_size=12)
    | st.text(alphabet="ab0A./\\-_@ \n\r\0é", max_size=12)
    | st.text(alphabet="a.", min_size=60, max_size=70)
    | st.from_regex(r"t[0-9a-z]{12}\n?", fullmatch=True)
)
_RULES: dict[Callable[[str], str], str] = {
    names.model_name: r"[a-z0-9][a-z0-9._-]{0,63}",
    names.face_set_name: r"[a-z0-9][a-z0-9._-]{0,63}",
    names.user_name: r"[a-z0-9][a-z0-9._-]{0,63}",
    names.subject_reference: r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}",
    names.ticket_id: r"t[0-9a-z]{12}",
}


def _accepted(check: Callable[[str], str], value: str) -> bool:
    try:
        found = check(value)
    except BadName as error:
        line = str(error)
    else:
        assert found == value
        return True
    assert len(line.splitlines()) == 1
    return False


@given(st.sampled_from(list(_RULES)), _ANY)
def test_a_name_is_accepted_exactly_when_it_keeps_the_rule(check: Callable[[str], str], value: str):
    keeps = bool(re.compile(_RULES[check]).fullmatch(value)) and ".." not in value
    assert _accepted(check, value) is keeps


@given(_ANY)
def test_a_person_is_named_with_letters_of_any_script_and_nothing_that_leaves_a_folder(value: str):
    if _accepted(names.person_name, value):
        assert 1 <= len(value) <= 128
        assert not set(value) & set('/\\\0\n\r\t:*?"<>|')
        assert ".." not in value
        assert all(unicodedata.category(char)[0] in "LNM" or char in " .,'-_" for char in value)


@given(_ANY)
def test_no_accepted_name_adds_a_folder_to_a_key(value: str):
    for check, key in (
        (names.model_name, object_names.model),
        (names.user_name, object_names.user),
        (names.ticket_id, object_names.photos),
        (names.ticket_id, object_names.certificate),
        (names.face_set_name, object_names.face_set),
        (names.person_name, lambda person: object_names.face("set", person, "0" * 64)),
        (names.ticket_id, lambda ticket: object_names.event(ticket, 1, State.SUBMITTED)),
    ):
        if _accepted(check, value):
            assert key(value).count("/") == key("x").count("/")
            assert not {"..", ".", ""} & set(key(value).rstrip("/").split("/"))


@pytest.mark.parametrize("value", ["José", "Dr. O'Neil-Smith, jr.", "王小明", "Aaron_Peirsol"])
def test_people_may_have_their_real_names(value: str):
    assert names.person_name(value) == value


def test_a_refusal_shows_at_most_80_characters_of_what_came():
    with pytest.raises(BadName) as error:
        names.model_name("A" * 10_000)
    assert len(str(error.value)) < 250


def test_new_ticket_ids_keep_their_own_rule_and_differ():
    made = {names.new_ticket_id() for _ in range(1000)}
    assert len(made) == 1000
    assert all(names.ticket_id(ticket) == ticket for ticket in made)
