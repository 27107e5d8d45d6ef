"""Print the table of results that README shows, from a run folder: `python docs/make_results.py RUN`."""

from __future__ import annotations

import sys

from harness.core.quantity import Value
from harness.core.record import Record
from harness.store.runfolder import RunFolder

HEAD = ("model", "setting", "runtime", "p50 ms (95 % interval)", "top-1 % (95 % interval)", "kB", "peak MB", "verdict")


def row(record: Record) -> tuple[str, ...]:
    """One case as README shows it."""
    size = record.value("artifact_bytes")
    memory = record.value("peak_rss_bytes")
    return (
        record.case.model,
        record.case.compression,
        record.case.runtime,
        spread(record, "latency_p50_ns", 1e-6, 3),
        spread(record, "top1", 100, 2),
        f"{size / 1e3:.0f}" if size else "",
        f"{memory / 1e6:.0f}" if memory else "",
        record.verdict.status,
    )


def spread(record: Record, metric: str, factor: float, digits: int) -> str:
    """Value and interval, or why there is none."""
    quantity = record.quantity(metric)
    if not isinstance(quantity, Value):
        return quantity.reason
    text = f"{quantity.value * factor:.{digits}f}"
    if quantity.lo is None or quantity.hi is None:
        return text
    return f"{text} ({quantity.lo * factor:.{digits}f}-{quantity.hi * factor:.{digits}f})"


def main() -> None:
    """Print Markdown."""
    folder = RunFolder(sys.argv[1])
    header = folder.header()
    host = header.host
    print(f"{host['cpu_model']}, {host['cores']} cores, {host['os']}, 1 thread, profile `{header.profile}`, "
          f"edgebench {header.versions['edgebench']}, onnxruntime {header.versions['onnxruntime']}, "
          f"ai-edge-litert {header.versions['ai-edge-litert']}, {header.started_utc[:10]}.\n")  # fmt: skip
    for cells in (HEAD, ("---",) * len(HEAD), *map(row, folder.records())):
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
