"""Names from outside, checked before any key or object name is built from them."""

from __future__ import annotations

import re
import secrets

from storage.errors import BadInput

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_PERSON = re.compile(r"[\w][\w .,'-]{0,127}")
_SUBJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TICKET = re.compile(r"t[0-9a-z]{12}")
_IMPORT = re.compile(r"i[0-9a-z]{12}")
_MODEL_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._ ()+-]{0,122}\.onnx")
_API_TOKEN = re.compile(r"[0-9a-hjkmnp-tv-z]{12}")
# Who acts in the record where no person does: nobody's account is called so.
MACHINES = frozenset({"worker", "clock", "retention", "policy", "sweep"})
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford: no i, l, o, u


class BadName(BadInput):
    """A name that cannot be used."""


def _checked(pattern: re.Pattern[str], what: str, value: str, rule: str) -> str:
    if not pattern.fullmatch(value) or ".." in value:
        raise BadName(f"{what} {value[:80]!r}: {rule}")
    return value


def model_name(value: str) -> str:
    rule = "use 1 to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit"
    return _checked(_NAME, "model name", value, rule)


def face_set_name(value: str) -> str:
    rule = "use 1 to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit"
    return _checked(_NAME, "face set name", value, rule)


def user_name(value: str) -> str:
    rule = "use 1 to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit"
    return _checked(_NAME, "user name", value, rule)


def new_user_name(value: str) -> str:
    """A name for an account that is made now; those that there are already stay."""
    if user_name(value) in MACHINES:
        raise BadName(f"user name {value!r}: a part of Lethe acts under this name; choose another")
    return value


def person_name(value: str) -> str:
    rule = "a person's folder is named with up to 128 letters, digits, spaces and . , ' - _"
    return _checked(_PERSON, "person", value, rule)


def subject_reference(value: str) -> str:
    rule = "a reference is 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'; no names, no addresses"
    return _checked(_SUBJECT, "subject reference", value, rule)


def ticket_id(value: str) -> str:
    return _checked(_TICKET, "ticket", value, "a ticket is 't' and 12 letters or digits")


def import_id(value: str) -> str:
    return _checked(_IMPORT, "import", value, "an import is 'i' and 12 letters or digits")


def new_import_id(seconds: int) -> str:
    """Ids of imports stand in the order of the second in which they are made."""
    digits = "".join(_ALPHABET[seconds >> shift & 31] for shift in range(30, -1, -5))
    return f"i{digits}" + "".join(secrets.choice(_ALPHABET) for _ in range(5))


def model_file(value: str) -> str:
    rule = "a model file is named with 1 to 123 of A-Z, a-z, 0-9 and . _ - + ( ), then .onnx"
    return _checked(_MODEL_FILE, "file", value, rule)


def new_ticket_id() -> str:
    return "t" + "".join(secrets.choice(_ALPHABET) for _ in range(12))


def api_token_id(value: str) -> str:
    return _checked(_API_TOKEN, "API token", value, "an id is 12 letters or digits")


def new_api_token_id() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(12))
