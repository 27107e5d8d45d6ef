"""What importing a module costs a fresh Python, in time and memory, on top of what was imported before it."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = """
import importlib, json, resource, sys, time

def rss_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

costs = [(0, rss_bytes())]
for name in sys.argv[1:]:
    memory, before = rss_bytes(), time.perf_counter_ns()
    importlib.import_module(name)
    costs.append((time.perf_counter_ns() - before, rss_bytes() - memory))
print(json.dumps(costs))
"""


@dataclass(frozen=True)
class ImportCost:
    """Of fresh processes: the least nanoseconds, since what disturbs can only add; the median of the resident bytes."""

    module: str
    time_ns: float
    rss_bytes: float


def import_costs(modules: Sequence[str], scratch: Path, processes: int = 7) -> list[ImportCost]:
    """The cost of each module, imported one after the other in `processes` fresh ones; the first entry is bare Python.

    Bare Python has no time here: its start is over before anything can look at a clock. One process more goes first
    and does not count, so that all find the byte code compiled and the files in the page cache.
    """
    runs = [_once(modules, scratch) for _ in range(processes + 1)][1:]
    by_module = zip(["python", *modules], zip(*runs, strict=True), strict=True)
    return [
        ImportCost(name, float(min(time_ns for time_ns, _ in costs)), float(statistics.median(rss for _, rss in costs)))
        for name, costs in by_module
    ]


def _once(modules: Sequence[str], scratch: Path) -> list[tuple[int, int]]:
    """In `scratch`, so that nothing in the user's folder can shadow a module; its byte code is kept there too.

    Installed modules have theirs beside them, unless PYTHONDONTWRITEBYTECODE keeps a checkout from getting any.
    """
    command = [sys.executable, "-c", _SCRIPT, *modules]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(scratch / "bytecode")
    done = subprocess.run(command, cwd=scratch, env=environment, capture_output=True, check=True)
    return [(int(time_ns), int(rss)) for time_ns, rss in json.loads(done.stdout)]
