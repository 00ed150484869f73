"""The signature of a webhook, as Standard Webhooks 1.0.0 has it (https://www.standardwebhooks.com).

Chosen over a header of our own: receivers verify it with libraries that exist in most languages,
and it signs the message's id along with the time and the body, so an id cannot be put on another
message to have that one dropped as known.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode

PREFIX = "whsec_"
KEY_BYTES = range(24, 65)  # what the standard allows


def key_of(secret: str) -> bytes:
    """The key in a secret as the standard writes it: ``whsec_`` and base64.

    Raises:
        ValueError: says how to make a secret, and shows nothing of this one.
    """
    try:
        key = b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError:  # not base64, or not even ASCII
        key = b""
    if not secret.startswith(PREFIX) or len(key) not in KEY_BYTES:
        raise ValueError(
            f"give {PREFIX} and base64 of {KEY_BYTES.start} to {KEY_BYTES.stop - 1} random bytes; "
            f'make one: echo "{PREFIX}$(openssl rand -base64 32)"'
        )
    return key


def headers(key: bytes, message: str, at: int, body: bytes) -> dict[str, str]:
    """The three headers of an attempt made ``at`` seconds since the epoch."""
    signed = f"{message}.{at}.".encode() + body
    signature = b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": message,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{signature}",
    }
