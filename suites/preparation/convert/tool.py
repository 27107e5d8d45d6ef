"""Converters that are programs: run apart, since they end the process, or crash, on what they cannot convert."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from harness.core.errors import UsageError

_LINES = 3
"""Last lines of a program's output that are kept: its reason, as far as it gives one."""


def run(name: str, command: Sequence[str | Path], folder: Path, expected: Sequence[Path]) -> None:
    """Run it in `folder`. UsageError with its last words where it fails or leaves an expected file unwritten."""
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode == 0 and all(file.is_file() for file in expected):
        return
    lines = [line.strip() for line in done.stdout.decode("utf-8", "replace").splitlines() if line.strip()]
    words = "; ".join(lines[-_LINES:]) or "it said nothing"
    end = f"ended with status {done.returncode}" if done.returncode >= 0 else f"crashed by signal {-done.returncode}"
    raise UsageError(
        f"{name} {end}: {words}",
        "the net may have an operator that this format has not",
    )
