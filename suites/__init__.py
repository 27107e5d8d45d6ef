"""What: model families x compression settings x runtimes, expanded to cases; how each artifact is made."""

from __future__ import annotations

from .suite import Suite, expand, load, loads, names, schema

__all__ = ["Suite", "expand", "load", "loads", "names", "schema"]
