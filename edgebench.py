"""The command `edgebench`. It first checks that the four packages that Python imports are those of this distribution.

Their names are plain words (`reports`, `targets`): another distribution, or a folder on PYTHONPATH, may have a package
of the same name, and a mixture of both would fail in ways that nobody could explain.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("harness", "reports", "suites", "targets")


def foreign_packages() -> list[str]:
    """Return a message for each package that is missing or not beside `harness`; empty when all are right."""
    folders = {name: _parent_folder(name) for name in PACKAGES}
    home = folders["harness"]
    if home is None or not (home / "harness" / "core" / "record.py").is_file():
        return ["package 'harness' " + (f"comes from {home}, which is not edgebench" if home else "is missing")]
    return [
        f"package '{name}' " + (f"comes from {folder}, not from {home}" if folder else f"is missing in {home}")
        for name, folder in folders.items()
        if folder != home
    ]


def _parent_folder(name: str) -> Path | None:
    """Return the folder that a package lies in, None where it cannot be found."""
    spec = find_spec(name)
    return Path(spec.origin).resolve().parent.parent if spec and spec.origin else None


def main() -> int:
    """Run the command line and return its exit code."""
    problems = foreign_packages()
    if problems:
        print("edgebench: " + "\nedgebench: ".join(problems), file=sys.stderr)
        print("  leave that folder, unset PYTHONPATH, or use a virtual environment", file=sys.stderr)
        return 2
    from harness.cli import main as run

    return run(sys.argv[1:])


if __name__ == "__main__":
    raise SystemExit(main())
