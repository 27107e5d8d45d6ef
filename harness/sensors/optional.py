"""Libraries behind an extra: imported only when their sensor is opened on a live machine."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing


def library(fs: HostFs, module: str, extra: str) -> Any | Missing:
    """The imported module; Missing on a recorded tree (the library would show this machine) or when not installed."""
    if not fs.live:
        return Missing("not part of a recorded tree")
    if importlib.util.find_spec(module) is None:
        return Missing(f"the library is not installed: pip install 'edgebench[{extra}]'")
    try:
        return importlib.import_module(module)
    except Exception as error:  # a broken library of another's must not stop a run
        return Missing(f"the library {module} does not load: {type(error).__name__}: {error}")
