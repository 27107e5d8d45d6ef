"""Writes the shipped models as packs, a third of the size of the files; needs the standard library alone.

The files of a net hold the same weights under several settings and in two formats. Compressed together, in the order of
their names, most of that is stored once. `hatch_build.py` calls this when a wheel is built, and `packed` reads them.
"""

from __future__ import annotations

import io
import lzma
import tarfile
from collections.abc import Iterable
from pathlib import Path

_QUICK = ("fp32", "fp16", "int8-dynamic", "int8-static")
"""The settings of the suite `quick`: most people run it first, and need not unpack the others for it."""


def packs(folder: Path) -> dict[str, list[Path]]:
    """Return the model files below a folder by the name of their pack, in the order in which they compress well."""
    found = sorted(path for kind in ("onnx", "tflite") for path in folder.glob(f"*/*.{kind}"))
    return {
        "1-quick": [path for path in found if path.stem in _QUICK],
        "2-more": [path for path in found if path.stem not in _QUICK],
    }


def write_pack(files: Iterable[Path], folder: Path, out: Path, preset: int = 9) -> None:
    """Write files below `folder` as a pack; the same files give the same bytes.

    Args:
        files: The files, similar ones next to each other.
        folder: The names in the pack are relative to it.
        out: The pack.
        preset: Effort of the compression, 0 to 9. Below 7 the net before is out of its reach.
    """
    with lzma.open(out, "wb", preset=preset) as compressed, tarfile.open(fileobj=compressed, mode="w") as pack:
        for file in files:
            content = file.read_bytes()
            member = tarfile.TarInfo(file.relative_to(folder).as_posix())
            member.size = len(content)
            pack.addfile(member, io.BytesIO(content))
