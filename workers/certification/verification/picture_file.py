"""A picture file of a benchmark, bounded before it is read."""

from __future__ import annotations

from pathlib import Path

from workers.certification.verification.bad_verification import BadVerification
from workers.certification.verification.crops import CROP_BYTES


def read_picture(path: Path) -> bytes:
    """
    Raises:
        BadVerification: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(CROP_BYTES + 1)  # one byte too many is refused when it is decoded
    except OSError as error:
        raise BadVerification(
            f"{path}: cannot be read ({error.strerror}); give the folder whole"
        ) from None
