"""`edgebench selfcheck`: measure the overhead and precision of the harness on this machine."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import EXIT_OK, EXIT_SOME_FAILED, UsageError
from harness.core.quantity import Missing, Quantity

from ._options import add_on_option, positive

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.measure.selfcheck.checks import Check

HELP = "measure the overhead and precision of the harness"
GROUP = "check"
EXAMPLE = "edgebench selfcheck"

_MARK = {"ok": "shown", "warn": "missed", "unknown": "undecided"}
"""Whether the interval shows that the target is met; undecided if the interval contains it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--pairs",
        type=positive,
        default=200,
        metavar="N",
        help="pairs of blocks with and without the sampler, ten per second (default: 200)",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="file for the result (default: in the cache)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_on_option(parser)
    parser.add_argument("--strict", action="store_true", help="exit with 4 if a target is missed")


def run(arguments: argparse.Namespace) -> int:
    """Print every check as soon as it is known and keep the result."""
    from harness.core.files import write_atomic
    from harness.runs.selfcheck import default_out, document, selfcheck

    out: Path = arguments.out or default_out()
    if arguments.out is None:
        out.parent.mkdir(parents=True, exist_ok=True)
    elif not out.parent.is_dir():
        raise UsageError(f"no such folder: {out.parent}", "the result could not be saved")
    found = []
    for check in selfcheck(arguments.pairs):
        found.append(check)
        if not arguments.json:
            print(line(check), flush=True)
    result = document(found)
    text = json.dumps(result, indent=2)
    print(text if arguments.json else "\n".join(_busy(result["machine_now"])))
    write_atomic(out, text.encode())  # last: where it cannot be written, the result is on the terminal
    if not arguments.json:
        print(f"saved: {out}")
    return EXIT_SOME_FAILED if arguments.strict and any(check.status == "warn" for check in found) else EXIT_OK


def _busy(findings: Sequence[Mapping[str, str]]) -> list[str]:
    """Return a line if other programs ran meanwhile, since they change the figures too."""
    return [
        f"{'busy':<9}  {finding['found']}\n{'':<11}-> {finding['remedy']}, then check again"
        for finding in findings
        if finding["check"] == "load" and finding["status"] in ("warn", "fail")
    ]


def line(check: Check) -> str:
    """Return a check as text: its figure, the target, and the remedy if the target is missed."""
    text = f"{_MARK[check.status]:<9}  {check.title:<30} {_figure(check.quantity, check.unit):<28} "
    text += f"target: at most {_number(check.target, check.unit)}"
    return text if check.status == "ok" else f"{text}\n{'':<11}-> {check.remedy}"


def _figure(quantity: Quantity, unit: str) -> str:
    if isinstance(quantity, Missing):
        return quantity.reason
    if quantity.lo is None or quantity.hi is None:
        return _number(quantity.value, unit)
    ends = (_number(end, unit) for end in (quantity.lo, quantity.hi))
    return f"{_number(quantity.value, unit)} ({' to '.join(ends)})"


def _number(value: float, unit: str) -> str:
    """Format a number in ns or ms, MiB, or, without a unit, in percent."""
    if unit == "ns":
        return f"{value:.0f} ns" if value < 1e5 else f"{value / 1e6:.1f} ms"
    return f"{value / (1 << 20):.1f} MiB" if unit == "B" else f"{100 * value:.2f} %"
