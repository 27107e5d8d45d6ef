"""Run one worker process to its end and say what became of it. The parent sleeps meanwhile."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.verdict import Status, Verdict
from harness.measure.protocol import Job

from .guard import REMEDIES, guard

LOG_TAIL_BYTES = 4000
WORKER = "harness.measure.worker"


@dataclass(frozen=True)
class Answer:
    """A worker's result and arrays."""

    result: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Failure:
    """Why there is no answer, and the tail of what the worker printed."""

    verdict: Verdict
    log: str


Watcher = Callable[[int], AbstractContextManager[Any]]


def run_worker(job: Job, timeout_s: float, watch: Watcher = nullcontext) -> Answer | Failure:
    """Start a fresh Python for the job and wait within `watch(pid)`.

    It is killed after `timeout_s` beyond its own time, and when it holds more than `job.memory_bytes`.

    The worker's folder, which must not exist yet and is removed again, is its working directory, so that nothing in
    the user's can shadow a module, and it has a session of its own, so that Ctrl-C reaches the parent alone.
    """
    out = Path(job.out)
    out.mkdir(parents=True)
    try:
        return _run(job, out, timeout_s, watch)
    finally:
        shutil.rmtree(out)


def _run(job: Job, out: Path, timeout_s: float, watch: Watcher) -> Answer | Failure:
    log = out / "log.txt"
    with log.open("wb") as sink:
        dataclasses.replace(job, spawned_ns=time.perf_counter_ns()).write(out / "job.json")
        child = subprocess.Popen(
            [job.interpreter.executable if job.interpreter else sys.executable, "-m", WORKER, "job.json"],
            cwd=out,
            env={**os.environ, "PYTHONPATH": job.interpreter.packages} if job.interpreter else None,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            with watch(child.pid):
                stopped = guard(child, timeout_s + job.own_time_s, job.memory_bytes)
        finally:
            child.kill()
            child.wait()
    return Failure(stopped, _tail(log)) if stopped else _answer(out, child.returncode, log)


def _answer(out: Path, status: int, log: Path) -> Answer | Failure:
    path = out / "result.json"
    if not path.exists():
        return Failure(_died(status), _tail(log))
    result = json.loads(path.read_text(encoding="utf-8"))
    if "error" in result:
        kind: Status = result["error"]
        return Failure(Verdict(kind, result["message"], result.get("remedy") or REMEDIES[kind]), _tail(log))
    with np.load(out / "arrays.npz", allow_pickle=False) as file:
        return Answer(result, dict(file))


def _died(status: int) -> Verdict:
    """A verdict from the exit status alone: the process ended before it could say anything."""
    if status >= 0:
        return Verdict("crashed", f"the process ended with status {status} and no result", REMEDIES["crashed"])
    name = signal.Signals(-status).name
    if name == "SIGKILL":
        reason = "killed by the kernel (SIGKILL), most likely for memory: see `dmesg | grep -i oom`"
        return Verdict("out-of-memory", reason, REMEDIES["out-of-memory"])
    return Verdict("crashed", f"the process was ended by {name}", REMEDIES["crashed"])


def _tail(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LOG_TAIL_BYTES))
        return file.read().decode("utf-8", "replace")
