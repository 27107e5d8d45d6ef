"""The command `edgebench`. It first checks that the four packages that Python imports are those of this distribution.

Their names are plain words (`reports`, `targets`): another distribution, or a folder on PYTHONPATH, may have a package
of the same name, and a mixture of both would fail in ways that nobody could explain.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

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


def __getattr__(name: str) -> ModuleType:
    """Return `pytest_plugin`, which pytest loads in every session of the environment, whatever `harness` is there.

    Where that package is another's, the plug-in comes from its file, and refuses to collect anything of ours.
    """
    if name != "pytest_plugin":
        raise AttributeError(name)
    if not foreign_packages():
        return import_module("harness.pytest_plugin")
    file = Path(__file__).resolve().with_name("harness") / "pytest_plugin.py"
    spec = spec_from_file_location("edgebench_pytest_plugin", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be loaded")
    plugin = module_from_spec(spec)
    spec.loader.exec_module(plugin)
    return plugin


def main() -> int:
    """Run the command line and return its exit code."""
    if message := foreign_message():
        print(message, file=sys.stderr)
        return 2
    from harness.cli import main as run

    return run(sys.argv[1:])


if __name__ == "__main__":
    raise SystemExit(main())
