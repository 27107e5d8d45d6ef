"""What the measured child costs before it does anything, over bare Python and NumPy.

    python tests/bench/worker_import.py [--processes 15]

At most 30 ms and 15 MiB.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from harness.measure.selfcheck.perturbation import import_costs

sys.path.insert(0, str(Path(__file__).parent))
from _rounds import print_table, warn_if_busy

WORKER = "harness.measure.worker"
TARGET_NS, TARGET_BYTES = 30e6, 15 << 20


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--processes", type=int, default=15)
    arguments = parser.parse_args()
    warn_if_busy()
    with tempfile.TemporaryDirectory() as scratch:
        costs = import_costs(["numpy", WORKER], Path(scratch), arguments.processes)
    rows = [[cost.module, f"{cost.time_ns / 1e6:.1f}", f"{cost.rss_bytes / (1 << 20):.1f}"] for cost in costs]
    rows[0][1] = "-"
    print_table(["import, one after the other", "ms", "MiB"], rows)
    worker = costs[-1]
    print(f"\nof its target: time {worker.time_ns / TARGET_NS:.2f}, memory {worker.rss_bytes / TARGET_BYTES:.2f}")


if __name__ == "__main__":
    main()
