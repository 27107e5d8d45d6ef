"""Where: board descriptors (`<name>.toml`, one a board) and which board this machine is."""

from __future__ import annotations

from .descriptors import builtin_folder, load, names, schema
from .detection import Detection, detect

__all__ = ["Detection", "builtin_folder", "detect", "load", "names", "schema"]
