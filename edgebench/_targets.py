"""The boards that edgebench knows, as the command `edgebench targets` lists them."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.core.target import Target


def targets(folder: str | PathLike[str] | None = None) -> Mapping[str, Target]:
    """Return every target descriptor by its name.

    Args:
        folder: Folder of further descriptors, as `--targets` of the command.

    Raises:
        DescriptorError: A descriptor is not valid.
        UsageError: `folder` is no folder.

    Example:
        >>> import edgebench as eb
        >>> eb.targets()["raspberry-pi-5"].title
        'Raspberry Pi 5'
    """
    import targets as descriptors
    from harness.cli._options import descriptor_folders

    folders = descriptor_folders(None if folder is None else Path(folder))
    return MappingProxyType({name: descriptors.load(name, folders) for name in descriptors.names(folders)})
