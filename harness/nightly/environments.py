"""Runtimes as they were: the versions a kept build ran under, in a virtual environment made for them once.

<folder>/<hash of the versions>/bin/python     numpy, pillow and the runtimes in those versions
<folder>/<hash of the versions>/packages/      links to this edgebench, so that both sides run the same harness
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import harness
from harness.measure.protocol import Interpreter

_OURS = frozenset({"edgebench"})
_NEEDED = ("pillow",)
"""What the measured child needs beside the runtimes, in whatever version."""

_log = logging.getLogger(__name__)


class Environments:
    """The kept environments of a store. An environment that cannot be made is tried once a night, and said."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._refused: set[str] = set()

    def interpreter(self, versions: Mapping[str, str]) -> Interpreter | None:
        """A Python with these versions; None, with a warning, where pip cannot install them (any more)."""
        wanted = {name: version for name, version in sorted(versions.items()) if name not in _OURS}
        key = hashlib.sha256(json.dumps([sys.version, wanted]).encode()).hexdigest()[:16]
        place = self._folder / key
        found = Interpreter(str(place / "bin" / "python"), str(place / "packages"))
        if (place / "complete").is_file():
            return found
        if key in self._refused:
            return None
        try:
            _make(place, [f"{name}=={version}" for name, version in wanted.items()])
        except (OSError, subprocess.CalledProcessError) as error:
            self._refused.add(key)
            shutil.rmtree(place, ignore_errors=True)
            _log.warning("the last good environment cannot be made again (%s): %s", ", ".join(wanted), _why(error))
            return None
        return found


def _make(place: Path, requirements: list[str]) -> None:
    """A virtual environment of this Python; OSError or CalledProcessError when it cannot be made."""
    shutil.rmtree(place, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True, capture_output=True)
    pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *requirements, *_NEEDED], check=True, capture_output=True)
    (place / "packages").mkdir()
    (place / "packages" / "harness").symlink_to(Path(str(harness.__file__)).parent)
    (place / "complete").touch()


def _why(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        lines: list[str] = error.stderr.decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else f"status {error.returncode}"
    return str(error)
