"""Room for records and downloaded files, where this program runs."""

from __future__ import annotations

import shutil
from pathlib import Path

from harness.core.hostfs import HostFs
from harness.core.verdict import Finding

_WARN_BYTES = 500 * 2**20
_FAIL_BYTES = 50 * 2**20


def inspect(fs: HostFs) -> Finding:
    """Warn under 500 MiB free in the working folder, fail under 50 MiB. A recorded tree shows no disk."""
    if not fs.live:
        return Finding("disk", "unknown", "a recorded tree shows no disk")
    folder = Path.cwd()
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding("disk", "unknown", f"{folder}: {error.strerror}")
    found = f"{free / 2**30:.1f} GiB free in {folder}"
    if free >= _WARN_BYTES:
        return Finding("disk", "ok", found)
    return Finding("disk", "fail" if free < _FAIL_BYTES else "warn", found, "free some space, or use --out elsewhere")
