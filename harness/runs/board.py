"""The board that figures will be called by, and what its descriptor sets for each runtime."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.core import plugins
from harness.core.errors import UsageError
from harness.core.hostfs import HostFs
from harness.core.target import Target
from targets import detect, load


def find_target(name: str, fs: HostFs, descriptors: Sequence[Path] = ()) -> Target:
    """The target called `name`, or for 'auto' the board behind `fs`; `descriptors` are folders of the user's own.

    UsageError when this machine's processor is not the target's: its figures would carry another board's name. A
    recorded tree (`fs` not live) may be any board: the records say that it was one.
    """
    if name == "auto":
        return detect(fs, descriptors).target
    target = load(name, descriptors)
    if fs.live and target.arch and platform.machine() not in target.arch:
        raise UsageError(
            f"this machine is {platform.machine()}, {target.title} is {' or '.join(target.arch)}",
            "figures from here would carry the name of another board: leave --target out",
        )
    return target


def runtime_settings(target: Target, asked: Mapping[str, Mapping[str, str]]) -> dict[str, Mapping[str, str]]:
    """Options by runtime: the board's, and over them those `asked` for. UnknownName for a runtime that is none."""
    for name in asked:
        plugins.load("runtimes", name)
    board = {name: hint.options for name, hint in target.runtimes.items()}
    return {name: {**board.get(name, {}), **asked.get(name, {})} for name in {*board, *asked}}
