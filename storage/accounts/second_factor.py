"""The second factor: codes of an authenticator app (TOTP, RFC 6238) and recovery codes.

An app's key is kept in the account's document, sealed with a key that is derived from
LETHE_SECRET_KEY: neither the object store nor Redis nor a log can tell a code.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, replace

import pyotp
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from storage import names
from storage.accounts.users import Totp, User, Users
from storage.errors import BadInput

STEP_SECONDS = 30
STEPS = (0, -1, 1)  # around the present one: clocks differ, people type slowly
OFFER_SECONDS = 30 * 60  # in which an offered key must be confirmed
RECOVERY_CODES = 10
_LETTERS = 16  # of a recovery code: 80 bits, so that a plain SHA-256 hides it
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford: 32, and no i, l, o, u
_ISSUER = "Lethe"


class WrongCode(BadInput):
    """A code that is not the second factor's."""


class BadSecondFactor(BadInput):
    """A second factor that cannot be set up or read."""


@dataclass(frozen=True)
class Offer:
    """A key that nobody has confirmed yet. Only the sealed form is given back by the browser."""

    secret: str  # base32, to be typed into an app
    uri: str  # otpauth://, to be shown as a QR code
    sealed: str


class SecondFactors:
    def __init__(self, users: Users, secret_key: SecretStr | None) -> None:
        self._users = users
        self._secret_key = secret_key

    def offer(self, user: str) -> Offer:
        return self._offer(user, pyotp.random_base32())

    def reopen(self, user: str, sealed: str) -> Offer:
        """The offer that was made to this user.

        Raises:
            BadSecondFactor: it is older than half an hour, or somebody else's.
        """
        return self._offer(user, self._unseal(user, sealed, OFFER_SECONDS))

    def enable(self, user: User, offer: Offer, code: str) -> tuple[User, list[str]]:
        """The user with the offered key, and ten recovery codes to be shown once.

        Raises:
            BadSecondFactor: there is one already.
            WrongCode: the code is not that of the key.
        """
        if user.totp is not None:
            raise BadSecondFactor("second factor: it is on already; switch it off first")
        step = _matching_step(offer.secret, code)
        if step is None:
            raise WrongCode("code: it is not the app's present one; check the device's clock")
        codes = [_new_code() for _ in range(RECOVERY_CODES)]
        sealed = self._seal(user.name, offer.secret)
        return replace(user, totp=Totp(sealed, step, _hashed(codes))), codes

    def renew(self, user: User) -> tuple[User, list[str]]:
        """The user with ten new recovery codes; the old ones are worth nothing any more."""
        if user.totp is None:
            raise BadSecondFactor("second factor: it is off; there is nothing to recover")
        codes = [_new_code() for _ in range(RECOVERY_CODES)]
        return replace(user, totp=replace(user.totp, recovery=_hashed(codes))), codes

    def spend(self, user: User, code: str) -> User:
        """The user after ``code`` was used: an app's code or a recovery code, each once alone.

        Raises:
            WrongCode: neither, or used before.
            BadSecondFactor: the key cannot be unsealed.
        """
        totp = user.totp
        if totp is None:
            raise BadSecondFactor("second factor: it is off")
        spent = _sha256(_plain(code))
        if any(hmac.compare_digest(spent, kept) for kept in totp.recovery):
            left = tuple(kept for kept in totp.recovery if kept != spent)
            return replace(user, totp=replace(totp, recovery=left))
        step = _matching_step(self._unseal(user.name, totp.secret), code)
        if step is None or step <= totp.step:
            raise WrongCode("code: it is wrong, or was used already; wait for the next one")
        return replace(user, totp=replace(totp, step=step))

    def check(self, name: str, code: str) -> User | None:
        """The user, when the code is theirs; it is used up by that."""
        try:
            return self._users.change(name, lambda user: self.spend(user, code))
        except WrongCode:
            return None

    def _offer(self, user: str, secret: str) -> Offer:
        uri = pyotp.TOTP(secret).provisioning_uri(name=user, issuer_name=_ISSUER)
        return Offer(secret, uri, self._seal(user, secret))

    def _seal(self, user: str, secret: str) -> str:
        # With the name: a sealed key that is copied into another account opens nothing there.
        return self._fernet().encrypt(f"{names.user_name(user)} {secret}".encode()).decode()

    def _unseal(self, user: str, sealed: str, seconds: int | None = None) -> str:
        try:
            text = self._fernet().decrypt(sealed.encode(), ttl=seconds).decode()
        except InvalidToken:
            text = ""
        owner, _, secret = text.partition(" ")
        if owner != user:
            raise BadSecondFactor(
                "second factor: its page was open for too long; open it again"
                if seconds
                else f"second factor of {user}: LETHE_SECRET_KEY is not the one it was set up "
                "with; use a recovery code, or have an admin reset it"
            )
        return secret

    def _fernet(self) -> Fernet:
        if self._secret_key is None:
            raise BadSecondFactor("LETHE_SECRET_KEY: is not set; second factors need it")
        key = HKDF(SHA256(), 32, salt=None, info=b"lethe second factors").derive(
            self._secret_key.get_secret_value().encode()
        )
        return Fernet(base64.urlsafe_b64encode(key))


def looks_like_recovery(code: str) -> bool:
    """Whether it has the length of a recovery code, not that of an app's."""
    return len(_plain(code)) == _LETTERS


def _matching_step(secret: str, code: str) -> int | None:
    digits, totp = _plain(code), pyotp.TOTP(secret, interval=STEP_SECONDS)
    now = int(time.time()) // STEP_SECONDS
    near = (now + away for away in STEPS)
    return next(
        (step for step in near if hmac.compare_digest(totp.generate_otp(step), digits)), None
    )


def _new_code() -> str:
    """Four groups of four letters and digits."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(_LETTERS))
    return "-".join(letters[start : start + 4] for start in range(0, _LETTERS, 4))


def _plain(code: str) -> str:
    """As it is compared: people add spaces, and mistake O for 0 and I for 1 (Crockford)."""
    kept = "".join(letter for letter in code[:64].lower() if letter.isascii() and letter.isalnum())
    return kept.translate(str.maketrans("oil", "011"))


def _hashed(codes: list[str]) -> tuple[str, ...]:
    return tuple(_sha256(_plain(code)) for code in codes)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
