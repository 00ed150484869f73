"""What a verification benchmark is refused with."""

from __future__ import annotations

from storage.errors import BadInput


class BadVerification(BadInput):
    """A verification benchmark that cannot be read. The message names the file and the reason."""
