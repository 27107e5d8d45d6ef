"""What a large run costs to look at: time, CPU time and peak memory of `table`, `report` and `serve`.

    python tests/bench/load.py [--records 5000] [--runs 1000] [--requests 1000] [--only table report serve]

The runs are copies of a small one with its blobs, made in a temporary folder. Each command runs in a process of its
own; `serve` answers requests on this machine alone.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.core.case import Case
from harness.core.files import record_name
from tests import factory

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Cost:
    """What a command took: wall time and CPU time in seconds, and its peak resident memory in MB (10^6 bytes)."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def large_run(folder: Path, records: int) -> Path:
    """Write a run folder of so many records: those of a small run under new names, with its blobs shared among them."""
    seed = factory.write_run(folder / "seed", factory.nets(), shift=1.0)
    big = folder / "big"
    seed.path.rename(big)
    files = sorted((big / "records").glob("*.json"))
    documents = [json.loads(file.read_text()) for file in files]
    for file in files:
        file.unlink()
    planned = []
    for number in range(records):
        document = dict(documents[number % len(documents)])
        case = dict(document["case"], model=f"net-{number // len(documents):04d}-{document['case']['model']}")
        made = Case(**{**case, "load": documents_load(case)})
        document |= {"case": case, "case_id": made.id}
        planned.append(made.id)
        (big / "records" / record_name(made.id, made.slug)).write_text(json.dumps(document))
    header = json.loads((big / "run.json").read_text()) | {"planned": planned}
    (big / "run.json").write_text(json.dumps(header))
    return big


def documents_load(case: dict[str, object]) -> object:
    """Return the load of a case that JSON describes."""
    from harness.store.documents import case_from

    return case_from(case).load


def many_runs(folder: Path, runs: int) -> Path:
    """Write so many run folders of one case each."""
    place = folder / "runs"
    first = factory.write_run(place / "r00000", factory.nets()[:1])
    header = json.loads((first.path / "run.json").read_text())
    for number in range(1, runs):
        path = place / f"r{number:05d}"
        (path / "records").mkdir(parents=True)
        started = f"2026-01-{1 + number % 28:02d}T00:{number // 60 % 60:02d}:{number % 60:02d}Z"
        (path / "run.json").write_text(json.dumps(header | {"run_id": path.name, "started_utc": started}))
    return place


def cost_of(words: list[str], during: Callable[[subprocess.Popen[str]], None] | None = None) -> Cost:
    """Run a command of edgebench, and do `during` meanwhile, after which it is interrupted."""
    begin = time.perf_counter()
    command = [sys.executable, "-m", "harness.cli", *words]
    if not (_ROOT / "harness" / "cli" / "__main__.py").exists():
        command[1:3] = ["-c", "import sys; from harness.cli import main; sys.exit(main(sys.argv[1:]))"]
    environment = {**os.environ, "PYTHONPATH": str(_ROOT), "PYTHONUNBUFFERED": "1"}
    output = subprocess.PIPE if during else subprocess.DEVNULL
    with subprocess.Popen(command, env=environment, stdout=output, text=True) as process:
        if during:
            during(process)
            process.send_signal(2)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(words)}: exit code {process.returncode}")
    return Cost(time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6)


def ask(process: subprocess.Popen[str], requests: int) -> None:
    """Ask a server for its list so many times, on a connection each."""
    assert process.stdout is not None
    line = process.stdout.readline()
    port = int(re.search(r":(\d+)/", line)[1])  # type: ignore[index]
    for _ in range(requests):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        connection.request("GET", "/")
        answer = connection.getresponse()
        assert answer.status == 200, answer.status
        answer.read()
        connection.close()
    resident = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())
    print(f"serve keeps {int(resident[1]) * 1024 / 1e6:.0f} MB" if resident else "")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--only", nargs="*", default=["table", "report", "serve"])
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory(prefix="edgebench-load-") as scratch:
        folder, costs = Path(scratch), {}
        if {"table", "report"} & set(arguments.only):
            run = large_run(folder, arguments.records)
            page = str(folder / "report.html")
            for name, words in (("table", ["table", str(run)]), ("report", ["report", str(run), "--out", page])):
                if name in arguments.only:
                    costs[f"{name}, {arguments.records} records"] = cost_of(words)
        if "serve" in arguments.only:
            runs = many_runs(folder, arguments.runs)
            title = f"serve, {arguments.requests} requests, {arguments.runs} runs"
            costs[title] = cost_of(
                ["serve", str(runs), "--port", "0"], during=lambda process: ask(process, arguments.requests)
            )
    print(f"{'':40} {'wall s':>8} {'CPU s':>8} {'peak MB':>8}")
    for name, cost in costs.items():
        print(f"{name:40} {cost.wall_s:8.1f} {cost.cpu_s:8.1f} {cost.peak_mb:8.0f}")


if __name__ == "__main__":
    main()
