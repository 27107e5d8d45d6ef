"""Print the table of docs/runtimes.md from a run of the suite `runtimes`: `python docs/make_runtimes.py RUN`."""

from __future__ import annotations

import sys
from collections import Counter

from make_results import accuracy

from harness.core import plugins
from harness.core.quantity import Missing, Value
from harness.core.record import Record
from harness.runtimes.base import UNTESTED
from harness.store.runfolder import RunFolder

SETTINGS = ("fp32", "fp16", "int8-static")


def cell(record: Record | None) -> str:
    """Median in milliseconds with the half width of its interval, top-1, and the precision where it is another one."""
    if record is None:
        return "-"
    p50, ran = record.quantity("latency_p50_ns"), record.execution.effective
    if not isinstance(p50, Value) or p50.lo is None or p50.hi is None:
        return record.verdict.status
    middle = f"{p50.value / 1e6:.3f}"
    spread = f" ± {(p50.hi - p50.lo) / p50.value * 50:.0f} %"
    mark = "" if record.verdict.status == "precise" else f" *{record.verdict.status}*"
    other = "" if isinstance(ran, Missing) or ran == record.execution.asked else f", in {ran}"
    return f"{middle}{spread}{mark}, {accuracy(record)}{other}"


def main() -> None:
    """Print Markdown."""
    folder = RunFolder(sys.argv[1])
    records = {(r.case.model, r.case.runtime, r.case.compression): r for r in folder.records()}
    rows = dict.fromkeys((model, runtime) for model, runtime, _ in records)
    print(f"| net | runtime | {' | '.join(SETTINGS)} |\n|---|---|{'---|' * len(SETTINGS)}")
    for model, runtime in sorted(rows):
        cells = (cell(records.get((model, runtime, setting))) for setting in SETTINGS)
        mark = "" if plugins.load("runtimes", runtime).capability.hardware_tested else f" ({UNTESTED})"
        print(f"| {model} | `{runtime}`{mark} | {' | '.join(cells)} |")
    told = Counter(record.verdict.status for record in records.values())
    print("\n" + ", ".join(f"{count} {status}" for status, count in told.most_common()))


if __name__ == "__main__":
    main()
