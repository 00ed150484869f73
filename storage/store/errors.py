"""What the object store answers when it does not do what it was asked, as our own errors."""

from __future__ import annotations

import re

import urllib3
from minio.error import InvalidResponseError, S3Error, ServerError

from storage.errors import BadInput, LetheError
from storage.store.connections import ClockOff

_MISSING = {"NoSuchKey", "NoSuchVersion", "NoSuchBucket", "ResourceNotFound"}
_REFUSED = {
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "AccessDenied",
    "AuthorizationHeaderMalformed",
}
_FULL = {"XMinioStorageFull", "InsufficientStorage", "QuotaExceeded", "InsufficientCapacity"}
_TAKEN = {
    "PreconditionFailed",
    "412",
    # another write of the same name is under way
    "ConditionalRequestConflict",
    "OperationAborted",
    "ResourceConflict",
    "409",
}
_UNKNOWN = {"NotImplemented", "501"}


class ObjectMissing(LetheError):
    """There is no object of this name."""


class ObjectExists(LetheError):
    """There is an object of this name already, and somebody else wrote it."""


class StoreRefused(BadInput):
    """The store answers, but not to this key."""


class StoreUnavailable(LetheError):
    """The store does not answer, or answers that it cannot work. Trying again may help."""


def says_taken(error: Exception) -> bool:
    """Whether a write was refused because something of the name is there, or on its way."""
    return _code(error) in _TAKEN


def says_unknown(error: Exception) -> bool:
    """Whether the store refused what it does not know."""
    return _code(error) in _UNKNOWN


def translate(name: str, endpoint: str, error: Exception) -> LetheError:
    code = _code(error)
    if code in _MISSING:
        return ObjectMissing(f"{name}: no such object")
    if isinstance(error, ClockOff):
        return StoreUnavailable(
            f"{name}: the object store at {endpoint} refused, for this machine's clock is "
            f"{error}; set it right"
        )
    if code in _REFUSED:
        return StoreRefused(
            f"the object store at {endpoint} refused the access key ({code}): "
            "check LETHE_S3_ACCESS_KEY and LETHE_S3_SECRET_KEY"
        )
    if code in _FULL:
        return StoreUnavailable(f"{name}: the object store is full ({code}); free some space")
    why = code or _why(error)
    return StoreUnavailable(
        f"{name}: the object store at {endpoint} failed ({why}); {_what_to_do(why)}"
    )


def _code(error: Exception) -> str:
    if isinstance(error, S3Error):
        return error.code or ""
    if isinstance(error, ServerError):
        return str(error.status_code)
    if isinstance(error, InvalidResponseError):
        # minio reads only application/xml; some stores answer errors as text/xml.
        found = re.search(r"<Code>(\w+)</Code>", str(error))
        return found.group(1) if found else ""
    return ""


def _why(error: Exception) -> str:
    """What happened the last time that it was tried."""
    if isinstance(error, urllib3.exceptions.MaxRetryError) and error.reason:
        error = error.reason
    if isinstance(error, urllib3.exceptions.ResponseError):
        return str(error)  # too many 503 error responses
    return type(error).__name__


def _what_to_do(why: str) -> str:
    if " 500 " in why:  # some say no more than that when their disk is full
        return "is it running well, or is its disk full? See its log"
    return "is it running, and is LETHE_S3_ENDPOINT right?"
