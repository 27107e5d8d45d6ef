"""The measured child imports what it needs for a latency and no more: its time and memory are the runtime's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import json, sys
import numpy
before = set(sys.modules)
import harness.measure.worker.__main__
print(json.dumps(sorted(set(sys.modules) - before)))
"""

OURS = {
    *("harness", "harness.core", *(f"harness.core.{name}" for name in ("artifact", "errors", "scenario"))),
    *("harness.measure", "harness.measure.protocol"),
    *("harness.runtimes", "harness.runtimes.base", "harness.runtimes.inputs"),
    "harness.measure.worker",
    *(f"harness.measure.worker.{name}" for name in ("__main__", "control", "inputs", "latency", "loop", "os_counters")),
    *(f"harness.measure.worker.{name}" for name in ("parent", "progress", "scenarios", "setup", "time_limit")),
    "harness.measure.worker.timed_part",
}
HEAVY = {
    *("argparse", "asyncio", "hashlib", "logging", "multiprocessing", "platform", "subprocess"),
    *("concurrent", "importlib.metadata", "traceback", "sqlite3", "typing_extensions"),
}


def test_the_worker_imports_no_more_than_it_needs(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, check=True)
    imported = set(json.loads(done.stdout))
    assert {name for name in imported if name.partition(".")[0] == "harness"} == OURS
    assert not imported & HEAVY
