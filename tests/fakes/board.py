"""A board without a network: a program in the place of ssh that runs each command here, with a cache of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.cli._remote import RUNTIMES
from harness.fleet import kit, ssh

_SSH = """#!/bin/sh
for last; do :; done
case " $* " in *" -O exit "*) exit 0 ;; esac
XDG_CACHE_HOME={cache} exec sh -c "$last"
"""


def connect(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """Put the program in the place of ssh; return the folder that edgebench keeps on the board."""
    cache = folder / "board"
    program = folder / "ssh"
    program.write_text(_SSH.format(cache=cache))
    program.chmod(0o755)
    patch.setenv(ssh.PROGRAM, str(program))
    return cache / "edgebench"


def provide_environment(cache: Path) -> None:
    """Make the environments that pip would make from an index: this process's own, under their names."""
    version = (*sys.version_info[:3],)
    for libraries in ((), RUNTIMES):
        name, *_ = kit.environment(version, libraries)
        python = cache / name / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        python.chmod(0o755)
        (cache / name / ".complete").touch()
