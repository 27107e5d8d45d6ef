"""Where files of ours live on this machine."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir() -> Path:
    """What can be made again, such as unpacked models: $XDG_CACHE_HOME/edgebench, by default ~/.cache/edgebench."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgebench"


def data_dir() -> Path:
    """What must be kept, such as the store: $XDG_DATA_HOME/edgebench, by default ~/.local/share/edgebench."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "edgebench"
