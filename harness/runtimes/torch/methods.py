"""The methods of an ExecuTorch program, read from its file without the library.

Field numbers: schema/program.fbs of pytorch/executorch.
"""

from __future__ import annotations

import mmap
from pathlib import Path

from harness.runtimes.flatbuffer import Table

_IDENTIFIER = b"ET"
_PROGRAM_PLANS, _PLAN_NAME = 1, 0


def methods(path: Path) -> tuple[str, ...]:
    """Return the names of the methods in the file's order; of a file that is damaged there are none."""
    try:
        with path.open("rb") as file:  # the mapping goes with the last view of it
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        if data[4:6] != _IDENTIFIER:
            return ()
        return tuple(str(plan.content(_PLAN_NAME), "utf-8") for plan in Table.root(data).tables(_PROGRAM_PLANS))
    except (OSError, ValueError):  # ValueError: damaged, or empty and not mapped
        return ()
