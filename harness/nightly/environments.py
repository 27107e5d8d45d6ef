"""Virtual environments with the package versions that an earlier build ran with.

<folder>/<hash of the versions>/bin/python     numpy, pillow and the runtimes in those versions
<folder>/<hash of the versions>/packages/      links to this edgebench: both builds run the same harness
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
import suites
from harness.measure.protocol import Interpreter

_OURS = frozenset({"edgebench"})
_NEEDED = ("pillow",)
"""What the measured process needs beside the runtimes, in any version."""

_log = logging.getLogger(__name__)


class Environments:
    """The virtual environments of one unit. One that cannot be created is tried once a night, with a warning."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._failed: set[str] = set()

    def interpreter(self, versions: Mapping[str, str]) -> Interpreter | None:
        """Return a Python with these versions; None, with a warning, if pip cannot install them."""
        wanted = {name: version for name, version in sorted(versions.items()) if name not in _OURS}
        key = hashlib.sha256(json.dumps([sys.version, wanted]).encode()).hexdigest()[:16]
        folder = self._folder / key
        interpreter = Interpreter(str(folder / "bin" / "python"), str(folder / "packages"))
        if (folder / "complete").is_file():
            _link(folder / "packages")
            return interpreter
        if key in self._failed:
            return None
        try:
            _create(folder, [f"{name}=={version}" for name, version in wanted.items()])
        except (OSError, subprocess.CalledProcessError) as error:
            self._failed.add(key)
            shutil.rmtree(folder, ignore_errors=True)
            _log.warning(
                "cannot recreate the environment of the last good build (%s): %s", ", ".join(wanted), _cause(error)
            )
            return None
        return interpreter


def _create(folder: Path, requirements: list[str]) -> None:
    """Create a virtual environment of this Python; raise OSError or CalledProcessError if that fails."""
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *requirements, *_NEEDED], check=True, capture_output=True)
    _link(folder / "packages")
    (folder / "complete").touch()


def _link(packages: Path) -> None:
    """Link what a worker imports: the harness, and the tasks. A link of an older version may be missing."""
    packages.mkdir(exist_ok=True)
    for module in (harness, suites):
        link = packages / module.__name__
        if not link.is_symlink():
            link.symlink_to(Path(str(module.__file__)).parent)


def _cause(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        lines: list[str] = error.stderr.decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else f"status {error.returncode}"
    return str(error)
