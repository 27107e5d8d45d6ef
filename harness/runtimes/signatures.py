"""The entry points of a model that has several: which one runs, and which are told as not measured."""

from __future__ import annotations

from collections.abc import Sequence

from .base import Options, SessionError


def chosen(available: Sequence[str], options: Options, default: str) -> str:
    """Return the entry point that is asked for, else the only one, else the `default`.

    Raises:
        SessionError: The model has none of that name.
    """
    name = options.signature or (available[0] if len(available) == 1 else default)
    if name not in available:
        raise SessionError(
            f"the model has no signature '{name}': it has {', '.join(available) or 'none'}",
            f"--signature {available[0]}, or all" if available else "export it with a signature",
        )
    return name


def in_order(available: Sequence[str], measured: str, options: Options) -> tuple[str, ...]:
    """Return the entry points, the measured one first, where there are several and none was asked for; else none."""
    if options.signature or len(available) < 2:
        return ()
    return (measured, *(name for name in available if name != measured))
