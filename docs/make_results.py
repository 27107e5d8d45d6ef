"""Print the table of docs/results.md or docs/compression.md from a run folder: `python docs/make_results.py RUN`.

README.md shows six of its rows.

Bold are the cases that no other of the run beats in latency and accuracy.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from harness.core.quantity import Value
from harness.core.record import Record
from harness.store.runfolder import RunFolder
from reports.recommend import pareto_front

RUNTIMES = ("onnxruntime-cpu", "litert-xnnpack")


def row(model: str, setting: str, records: dict[tuple[str, str, str], Record], best: Sequence[Record]) -> list[str]:
    """One net under one setting: latency on each runtime, accuracy, file size and memory on each."""
    pair = [records[model, setting, runtime] for runtime in RUNTIMES]
    return [
        model,
        setting,
        *(f"**{latency(record)}**" if record in best else latency(record) for record in pair),
        " / ".join(map(scored, pair)) if pair[0].value("top1") else "synthetic weights",
        " / ".join(megabytes(record, "artifact_bytes", 2) for record in pair),
        " / ".join(megabytes(record, "peak_rss_bytes", 0) for record in pair),
    ]


def latency(record: Record) -> str:
    """Median in milliseconds with the interval's bounds, and the verdict where it is not `precise`."""
    p50 = record.quantity("latency_p50_ns")
    if not isinstance(p50, Value) or p50.lo is None or p50.hi is None:
        return record.verdict.status
    text = f"{p50.value / 1e6:.3f} ({p50.lo / 1e6:.3f}-{p50.hi / 1e6:.3f})"
    return text if record.verdict.status == "precise" else f"{text} *{record.verdict.status}*"


def accuracy(record: Record) -> str:
    """Top-1 in per cent."""
    top1 = record.value("top1")
    return "-" if top1 is None else f"{100 * top1:.2f}"


def scored(record: Record) -> str:
    """Top-1 in per cent and, where there is one, the difference to fp32 in points."""
    difference = record.value("top1_difference")
    return accuracy(record) + (f" ({100 * difference:+.2f})" if difference else "")


def megabytes(record: Record, metric: str, digits: int) -> str:
    """A size in MB, or a dash: a missing one is no 0."""
    size = record.value(metric)
    return "-" if size is None else f"{size / 1e6:.{digits}f}"


def main() -> None:
    """Print Markdown."""
    folder = RunFolder(sys.argv[1])
    header = folder.header()
    host, versions = header.host, header.versions
    records = {(r.case.model, r.case.compression, r.case.runtime): r for r in folder.records()}
    print(
        f"{host['cpu_model']}, {host['cores']} cores of a shared VM, 1 thread, profile `{header.profile}`,\n"
        f"onnxruntime {versions['onnxruntime']}, ai-edge-litert {versions['ai-edge-litert']}, "
        f"{header.started_utc[:10]}. Two figures in a cell: ONNX Runtime / LiteRT.\n"
    )
    best = pareto_front(list(records.values()))
    head = ("model", "setting", "ONNX Runtime p50 ms (95 %)", "LiteRT p50 ms (95 %)", "top-1 %", "MB", "peak MB")
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for model, setting in dict.fromkeys((r.case.model, r.case.compression) for r in records.values()):
        print(f"| {' | '.join(row(model, setting, records, best))} |")


if __name__ == "__main__":
    main()
