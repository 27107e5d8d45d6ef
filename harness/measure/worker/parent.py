"""The end of the worker with its parent: a killed run leaves no process on the board.

Nothing of weight is imported here: this comes before NumPy, whose import takes a tenth of a second on a board.
"""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int | None = None) -> None:
    """Ask Linux for SIGKILL when the parent ends; end at once where it has ended already.

    Args:
        parent: Process id of the parent; None where it is not known.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent is not None and os.getppid() != parent:  # it ended before the kernel was asked
        os.kill(os.getpid(), signal.SIGKILL)
