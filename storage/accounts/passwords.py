"""Passwords: which are taken, and their argon2id hashes (RFC 9106)."""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from storage.errors import BadInput

MIN_PASSWORD = 12  # characters; NIST SP 800-63B asks for at least 8
MAX_PASSWORD = 256  # bounds the hashing of what a stranger sends
_LEAST_KINDS = 5  # different characters: not "abababababab"
_LEAST_REST = 6  # characters beside the user's own name
_LONG_NAME = 4  # letters: shorter names occur in any text

# The commonest of 12 characters and more in the lists of passwords that were stolen.
_COMMON = """
123456789012 1234567890123 123456789123 012345678910 123123123123 123456123456 qwertyuiop12
qwertyuiop123 qwertyuiop[] qwerty123456 qwerty12345678 1q2w3e4r5t6y 1qaz2wsx3edc
1qaz2wsx3edc4rfv qazwsxedcrfv zaq12wsxcde3 asdfghjkl123 abcdefghijkl abcdefgh1234 abcd12345678
abc123abc123 password1234 password12345 password123456 passwordpassword password@123
passw0rd1234 p@ssw0rd1234 p@ssword1234 administrator administrator1 admin1234567 admin12345678
letmeinletmein iloveyou1234 welcome12345 welcome123456 changeme1234 changemenow1
superman1234 unbelievable correcthorsebatterystaple
"""

_hasher = PasswordHasher()


class BadPassword(BadInput):
    """A password that nobody should have."""


def check(name: str, password: str) -> None:
    """Length, and what is guessed first; no rules of composition (NIST SP 800-63B).

    Raises:
        BadPassword
    """
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise BadPassword(f"password: use {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    folded = password.casefold()
    if folded in _COMMON.split() or len(set(folded)) < _LEAST_KINDS:
        raise BadPassword("password: it is among the first that are guessed; choose another")
    rest = folded.replace(name, "") if len(name) >= _LONG_NAME else folded
    if folded == name or len(rest) < _LEAST_REST:
        raise BadPassword("password: it is little but the user's name; choose another")


def hashed(password: str) -> str:
    return _hasher.hash(password)


def verify(password_hash: str, password: str) -> bool:
    """Whether the hash is the password's. Takes as long where there is no hash (``""``)."""
    try:
        _hasher.verify(password_hash or _nobody(), password[:MAX_PASSWORD])
    except (VerificationError, InvalidHashError):
        return False
    return bool(password_hash) and len(password) <= MAX_PASSWORD


@cache
def _nobody() -> str:
    # Made when first needed: it takes 0.1 s, which no command should wait for.
    return _hasher.hash("nobody's password, never accepted")
