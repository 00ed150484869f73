"""A child process that ends with its parent, whatever ended the parent."""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1  # prctl(2)
_LIBC = ctypes.CDLL(None, use_errno=True)


def end_with_parent(parent: int) -> None:
    """Called in the child, with its parent's process id.

    On Linux alone; elsewhere a killed parent leaves its children.
    """
    if hasattr(_LIBC, "prctl"):
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # killed before we asked: no signal will ever come
            os.kill(os.getpid(), signal.SIGKILL)
