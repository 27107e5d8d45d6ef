"""Boards: descriptors (`<name>.toml`, one per board) and detection of the board this machine is."""

from __future__ import annotations

from .descriptors import builtin_folder, load, names, schema
from .detection import Detection, detect

__all__ = ["Detection", "builtin_folder", "detect", "load", "names", "schema"]
