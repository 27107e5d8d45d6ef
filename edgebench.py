"""The command. Makes sure first that the four packages found are those of this distribution.

Their names are plain words (`reports`, `targets`): another distribution or a folder on PYTHONPATH may bring a package
of the same name, and a half-foreign program would fail in ways nobody could explain.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

ROOMS = ("harness", "reports", "suites", "targets")


def foreign_packages() -> list[str]:
    """Which of our packages are missing or lie apart from `harness`; empty when all is well."""
    places = {name: _place(name) for name in ROOMS}
    home = places["harness"]
    if home is None or not (home / "harness" / "core" / "record.py").is_file():
        return [f"package 'harness' comes from {home or 'nowhere'}, which is not edgebench"]
    return [
        f"package '{name}' comes from {place or 'nowhere'}, not from {home}"
        for name, place in places.items()
        if place != home
    ]


def _place(name: str) -> Path | None:
    """The folder a package lies in."""
    spec = find_spec(name)
    return Path(spec.origin).resolve().parent.parent if spec and spec.origin else None


def main() -> int:
    """Run the command line; the exit code."""
    problems = foreign_packages()
    if problems:
        print("edgebench: " + "\nedgebench: ".join(problems), file=sys.stderr)
        print("  leave that folder, unset PYTHONPATH, or use a virtual environment of its own", file=sys.stderr)
        return 2
    from harness.cli import main as run

    return run(sys.argv[1:])


if __name__ == "__main__":
    raise SystemExit(main())
