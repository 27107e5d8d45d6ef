"""An emulated CPU (qemu-user): everything works, and no time means anything."""

from __future__ import annotations

from harness.core.hostfs import HostFs
from harness.core.verdict import Finding
from harness.host.virtualization import emulated


def inspect(fs: HostFs) -> Finding:
    """Fail when this program runs on another CPU than it was built for, whichever board its files are read from."""
    evidence = emulated(fs if fs.live else HostFs())
    if evidence:
        return Finding("emulation", "fail", evidence, "measure on a board: these times mean nothing")
    return Finding("emulation", "ok", "none")
