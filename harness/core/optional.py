"""Packages that not every installation has: the extra that brings each, and what is said where one is missing.

A board that measures needs neither pages nor a database, so that `pip install edgebench` has what `edgebench run` needs
and the rest are extras. Code imports such a package where it is used, like any other. The commands and the Python API
turn the ModuleNotFoundError into the error below, so that no module has to; `require` is for what would be noticed only
after an hour of measuring.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from .errors import SetupError

EXTRAS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "report": {"jinja2": "jinja2", "markupsafe": "jinja2", "pandas": "pandas", "plotly": "plotly"},
        "store": {"sqlalchemy": "sqlalchemy", "alembic": "alembic", "pandas": "pandas"},
        "images": {"PIL": "pillow"},
    }
)
"""The extras of pyproject.toml whose packages are imported without a message of their own: the distribution that has
each module that they import.
"""


def install(extra: str) -> str:
    """Return the command that installs an extra."""
    return f"pip install 'edgebench[{extra}]'"


def missing(extra: str) -> list[str]:
    """Return the distributions of an extra that are not installed."""
    return list(dict.fromkeys(name for module, name in EXTRAS[extra].items() if not _is_installed(module)))


def require(extra: str, what: str) -> None:
    """Raise SetupError unless the packages of an extra are installed.

    Args:
        extra: One of `EXTRAS`.
        what: What needs them, to begin the message with: '--store'.
    """
    if names := missing(extra):
        raise _error(what, names, extra)


def explained(error: BaseException, what: str) -> SetupError | None:
    """Return what to say of an exception that a missing package of an extra caused; None if it has another cause.

    Args:
        error: What was raised.
        what: What needs the package, as in `require`.
    """
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return None
    module = error.name.partition(".")[0]
    extra = next((extra for extra, modules in EXTRAS.items() if module in modules), None)
    return None if extra is None else _error(what, [EXTRAS[extra][module]], extra)


def instead_of_report(folder: Path) -> str:
    """Return what to say at the end of a run where no report can be written; '' where one can."""
    if not missing("report"):
        return ""
    return (
        f"no report: what writes it is not installed: {install('report')}\n"
        f"  here, or on the machine that you copy the folder to; then: edgebench report {folder}"
    )


def _error(what: str, names: list[str], extra: str) -> SetupError:
    *most, last = names
    listed = f"{', '.join(most)} and {last}, which are" if most else f"{last}, which is"
    return SetupError(f"{what} needs {listed} not installed", install(extra))


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # blocked, or half imported
        return False
