"""Print the table of sizes of docs/install.md: `python docs/make_install.py [PYTHON]`, such as 3.13.

Builds the wheel, lets pip choose and download the wheels of each kind of installation for a 64-bit Arm board, and adds
up the sizes of the files in them. Nothing is installed.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

ROOT = Path(__file__).parents[1]
PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
GLIBC = ("2_17", "2_24", "2_27", "2_28", "2_31", "2_34")
"""Versions of the C library whose wheels a board with Debian 12 or newer takes."""

KINDS = (
    ("LiteRT", ""),
    ("LiteRT, own photographs", "images"),
    ("LiteRT and ONNX Runtime", "onnxruntime"),
    ("everything", "all"),
)


def main(python: str = "3.13") -> None:
    """Print Markdown, with sizes in millions of bytes."""
    print("| measures with | install | packages MB | edgebench MB | sum MB |\n|---|---|---|---|---|")
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        subprocess.run([*PIP, "wheel", "--no-deps", "--wheel-dir", temporary, str(ROOT)], check=True)
        (wheel,) = folder.glob("*.whl")
        own = unpacked_mb([wheel])
        for number, (title, extras) in enumerate(KINDS):
            out = folder / str(number)
            platform = [word for version in GLIBC for word in ("--platform", f"manylinux_{version}_aarch64")]
            options = (*platform, "--python-version", python, "--only-binary", ":all:", "--dest", str(out))
            name = f"edgebench[{extras}]" if extras else "edgebench"
            subprocess.run([*PIP, "download", *options, f"{name} @ {wheel.as_uri()}"], check=True)
            others = unpacked_mb([path for path in out.glob("*.whl") if path.name != wheel.name])
            cells = (title, f"`{name}`", f"{others:.0f}", f"{own:.0f}", f"{others + own:.0f}")
            print(f"| {' | '.join(cells)} |", flush=True)


def unpacked_mb(wheels: Sequence[Path]) -> float:
    """Return the size of the files in wheels, as they are on a disk, in millions of bytes."""
    sizes = []
    for path in wheels:
        with ZipFile(path) as wheel:
            sizes += [member.file_size for member in wheel.infolist()]
    return sum(sizes) / 1e6


if __name__ == "__main__":
    main(*sys.argv[1:])
