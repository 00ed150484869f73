"""A child process that ends with its parent, whatever ended the parent."""

from __future__ import annotations

import ctypes
import signal

_PR_SET_PDEATHSIG = 1  # prctl(2)
_LIBC = ctypes.CDLL(None, use_errno=True)


def end_with_parent() -> None:
    """Called in the child. On Linux alone; elsewhere a killed parent leaves its children."""
    if hasattr(_LIBC, "prctl"):
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
