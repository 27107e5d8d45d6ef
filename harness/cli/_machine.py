"""The machine the commands read: this one, or a recorded tree; and its target."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import UsageError

if TYPE_CHECKING:
    from harness.core.hostfs import HostFs
    from harness.core.target import Target


def add_machine_options(parser: argparse.ArgumentParser) -> None:
    """Options every command understands: where the machine is read from, where descriptors are looked for."""
    parser.add_argument(
        "--host-root", type=Path, metavar="DIR", default=argparse.SUPPRESS, help="read a recorded machine (host record)"
    )
    parser.add_argument(
        "--targets", type=Path, metavar="DIR", default=argparse.SUPPRESS, help="a folder with descriptors of your own"
    )


def host_of(arguments: argparse.Namespace) -> HostFs:
    """The files of the machine that the arguments name."""
    from harness.host.replay import open_host

    return open_host(getattr(arguments, "host_root", None))


def folders_of(arguments: argparse.Namespace) -> list[Path]:
    """Descriptor folders beside the user's own and the built-in one. UsageError where the one named is none."""
    folder: Path | None = getattr(arguments, "targets", None)
    if folder and not folder.is_dir():
        raise UsageError(f"no folder of descriptors: {folder}", "it holds NAME.toml files: see docs/add-a-target.md")
    return [folder] if folder else []


def target_of(name: str, fs: HostFs, arguments: argparse.Namespace) -> Target:
    """The target called `name`, 'auto' for the board behind `fs`."""
    import targets

    folders = folders_of(arguments)
    return targets.detect(fs, folders).target if name == "auto" else targets.load(name, folders)
