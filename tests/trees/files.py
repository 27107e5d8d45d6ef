"""A tree is a mapping of file names to contents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DEVICE_TREE = "proc/device-tree"
THERMAL = "sys/class/thermal"
HWMON = "sys/class/hwmon"
CPU = "sys/devices/system/cpu"


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str


Content = str | int | bytes | Link
Tree = dict[str, Content]


def write(root: Path, tree: Mapping[str, Content]) -> Path:
    """Make the files; text gets the newline the kernel ends it with, bytes stay as they are."""
    for name, content in tree.items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Link):
            place.symlink_to(content.target)
        elif isinstance(content, bytes):
            place.write_bytes(content)
        else:
            place.write_text(f"{content}\n", encoding="utf-8")
    return root


def below(folder: str, files: Mapping[str, Content]) -> Tree:
    """The same files under a folder."""
    return {f"{folder}/{name}": content for name, content in files.items()}


def device_tree(model: str, *compatible: str) -> Tree:
    """The identity of a board with a device tree: NUL-ended strings."""
    return {
        f"{DEVICE_TREE}/model": f"{model}\0".encode(),
        f"{DEVICE_TREE}/compatible": "".join(f"{token}\0" for token in compatible).encode(),
    }


def meminfo(gib: float) -> Tree:
    """/proc/meminfo of a machine with so much memory."""
    return {"proc/meminfo": f"MemTotal:       {int(gib * 2**20)} kB\nMemFree:        100000 kB"}
