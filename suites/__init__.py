"""What: model families x compression settings x runtimes, expanded to cases; how each artifact is made.

The names here are imported when they are asked for: a worker loads a task from this package, and nothing else of it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .suite import Suite, expand, load, loads, names, schema

__all__ = ["Suite", "expand", "load", "loads", "names", "schema"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(".suite", __name__), name)
