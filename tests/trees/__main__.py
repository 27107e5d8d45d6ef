"""Write every tree below a folder."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.trees import PLAYING, STATIC, write


def main(folder: Path) -> None:
    """One folder a tree."""
    for name, tree in STATIC.items():
        write(folder / name, tree())
    for name, build in PLAYING.items():
        build(folder / name)


main(Path(sys.argv[1]))
