"""`edgebench meter`: joules per inference from an external meter's CSV trace with trigger marks."""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from harness.core.errors import EXIT_NOTHING_MEASURED, EXIT_OK

from ._options import positive, positive_number

HELP = "compute energy from the CSV trace of an external meter"
GROUP = "boards"
EXAMPLE = "edgebench meter trace.csv --inferences 1000"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "trace", type=Path, metavar="TRACE.csv", help="columns: time, power (or voltage and current), trigger"
    )
    parser.add_argument(
        "--inferences", type=positive, required=True, metavar="N", help="inferences in each marked window"
    )
    parser.add_argument(
        "--volts", type=positive_number, metavar="V", help="supply voltage, for a trace that holds only current"
    )
    parser.add_argument(
        "--trigger", default="", metavar="NAME", help="column that marks windows, such as D1 (default: by its heading)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print one line per window, and the median of the valid windows."""
    from harness.sensors.meter_csv import read_trace, window_energies

    trace = read_trace(arguments.trace, arguments.volts, arguments.trigger)
    rows = [_row(gross, net, arguments.inferences) for gross, net in window_energies(trace)]
    valid = [row["energy_gross_j"] for row in rows if row["valid"]]
    median = statistics.median(valid) if valid else None
    if arguments.json:
        print(json.dumps({"windows": rows, "median_energy_gross_j": median, "trigger": trace.trigger}, indent=2))
    else:
        unmarked = f"no trigger mark in the trace{f' (column {trace.trigger})' if trace.trigger else ''}"
        print("\n".join([_line(number, row) for number, row in enumerate(rows, 1)]) or unmarked)
        print(f"median   {median:.6g} J per inference, gross" if valid else "no valid window")
    return EXIT_OK if valid else EXIT_NOTHING_MEASURED


def _row(gross: Any, net: Any, n: int) -> dict[str, Any]:
    return {
        "duration_s": gross.duration_ns / 1e9,
        "energy_gross_j": gross.joules / n,
        "u_energy_gross_j": gross.u_joules / n,
        "energy_net_j": net.joules / n if net and net.valid else None,
        "coverage": gross.coverage,
        "valid": gross.valid,
        "reason": gross.reason,
    }


def _line(number: int, row: dict[str, Any]) -> str:
    if not row["valid"]:
        return f"window {number}: not valid: {row['reason']}"
    net = "no idle time in the trace" if row["energy_net_j"] is None else f"net {row['energy_net_j']:.6g} J"
    gross = f"{row['energy_gross_j']:.6g} J +- {1.96 * row['u_energy_gross_j']:.2g} per inference, gross"
    return f"window {number}: {gross}; {net}"
