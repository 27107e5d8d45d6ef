"""The stand-in for libedgetpu, compiled where there is a C compiler."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

_SOURCE = Path(__file__).with_name("edgetpu_delegate.c")


def built(folder: Path, *macros: str) -> Path:
    """The shared library with these macros ('DEVICES=0'); skips the test where there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("the stand-in for libedgetpu is C: no cc here")
    library = folder / f"lib{'_'.join(['edgetpu', *macros])}.so"
    command = [compiler, "-shared", "-fPIC", *(f"-D{each}" for each in macros), "-o", str(library), str(_SOURCE)]
    subprocess.run(command, check=True)
    return library
