"""`edgebench roofline`: measure the peak arithmetic and memory bandwidth of this machine."""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import TYPE_CHECKING

from harness.core.errors import EXIT_OK

if TYPE_CHECKING:
    from harness.core.hardware.roofline import Roofline

HELP = "measure peak arithmetic and memory bandwidth"
GROUP = "boards"
EXAMPLE = "edgebench roofline"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--again", action="store_true", help="measure again although the result is stored (5 s)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the stored roofline of this machine, or measure it first."""
    from harness.core.hostfs import HostFs
    from harness.core.quantity import Missing
    from harness.host.identity import identity
    from harness.host.roofline import cached, measure

    fs = HostFs()
    machine = identity(fs)
    known = cached(machine)
    roofline = measure(machine, fs) if arguments.again or isinstance(known, Missing) else known
    print(json.dumps(dataclasses.asdict(roofline), indent=2) if arguments.json else _text(roofline))
    return EXIT_OK


def _text(roofline: Roofline) -> str:
    lines = [
        f"{roof.threads} thread{'s' if roof.threads > 1 else ' '}  {roof.flops_per_s / 1e9:8.1f} GFLOP/s fp32"
        f"  {roof.bytes_per_s / 1e9:7.1f} GB/s"
        for roof in roofline.roofs
    ]
    cache = "unknown" if roofline.cache_bytes is None else f"{roofline.cache_bytes / (1 << 20):g} MiB"
    return "\n".join([*lines, f"last-level cache {cache}; {roofline.blas}; measured {roofline.measured_utc}"])
