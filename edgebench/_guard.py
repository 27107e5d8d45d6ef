"""Checks that the four packages that Python imports are those of this distribution.

Their names are plain words (`reports`, `targets`): another distribution, or a folder on PYTHONPATH, may have a package
of the same name, and a mixture of both would fail in ways that nobody could explain. The command, the Python API and
the pytest plug-in all ask here before they import one of them.
"""

from __future__ import annotations

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
    """Return the folder that a package or module lies in, None where it cannot be found."""
    try:
        spec = find_spec(name)
    except ValueError:  # something in its place that was made by hand, such as a test's stand-in
        return None
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).resolve()
    return file.parent if spec.submodule_search_locations is None else file.parent.parent


def foreign_message() -> str:
    """Return what to print where a package is not this distribution's, '' where all are."""
    problems = foreign_packages()
    remedy = "  leave that folder, unset PYTHONPATH, or use a virtual environment"
    return "\n".join([*(f"edgebench: {problem}" for problem in problems), remedy]) if problems else ""


def refuse_foreign() -> None:
    """Raise ImportError with `foreign_message` where a package is not this distribution's.

    It is no `EdgebenchError`: that class is in one of the packages.
    """
    if message := foreign_message():
        raise ImportError(message)
