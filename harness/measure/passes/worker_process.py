"""One worker process: run it to its end, watch its time and memory, and return its answer or why there is none."""

from __future__ import annotations

import dataclasses
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.hostfs import HostFs
from harness.core.verdict import Status, Verdict
from harness.host import out_of_memory
from harness.measure.protocol import Job
from harness.measure.worker.os_counters import current_rss_bytes
from harness.measure.worker.progress import doing, noted

FASTEST_BYTES_PER_S = 2 << 30
"""No faster than this does a process fill new memory (the kernel zeroes every page first)."""

_SHORTEST_S, _LONGEST_S = 0.02, 2.0

_LEAST_FREE_BYTES = 64 << 10
"""With less left, a process that ended without an answer had no room for one."""

REMEDIES: Mapping[Status, str] = {
    "crashed": "the runtime or the model crashed: see the record's log; another version of either may do",
    "out-of-memory": "close other programs, or take a smaller model or batch; --memory-limit MIB allows more or less",
    "unsupported": "try another runtime, or export the model anew",
    "timeout": "a slower board may need more: --timeout SECONDS",
}
"""What to do where the worker itself does not say."""

Ended = Callable[[float], bool]
"""Sleeps at most so many seconds; True when the child has ended."""


def supervise(child: subprocess.Popen[bytes], timeout_s: float, memory_bytes: int | None) -> Verdict | None:
    """Sleep until the child ends; None when it did so by itself, else why it has to be killed.

    Where there is a memory limit, what it holds is read from outside, the more often the nearer it comes: far from the
    limit every two seconds, so that next to nothing runs beside what is measured.
    """
    deadline = time.monotonic() + timeout_s
    with _ending(child) as ended:
        while (left_s := deadline - time.monotonic()) > 0:
            pause_s = left_s
            if memory_bytes is not None:
                held = current_rss_bytes(child.pid)
                if held > memory_bytes:
                    return _too_much(held, memory_bytes)
                pause_s = min(left_s, max(_SHORTEST_S, min(_LONGEST_S, (memory_bytes - held) / FASTEST_BYTES_PER_S)))
            if ended(pause_s):
                return None
        if ended(0.0):  # all of this machine may have stood still meanwhile
            return None
    return Verdict("timeout", f"not finished after {timeout_s:g} s, killed", REMEDIES["timeout"])


def _too_much(held: int, limit: int) -> Verdict:
    reason = f"the process held {held / 2**20:.1f} MiB, its limit is {limit / 2**20:.1f} MiB: stopped"
    return Verdict("out-of-memory", reason, REMEDIES["out-of-memory"])


@contextmanager
def _ending(child: subprocess.Popen[bytes]) -> Iterator[Ended]:
    """Yield a function that waits for the child's end.

    `Popen.wait` with a time-out wakes twenty times a second, beside the very thing that is being measured; a pidfd
    (Linux 5.3) wakes once.
    """
    try:
        descriptor = os.pidfd_open(child.pid)
    except OSError:
        yield lambda pause_s: _polled(child, pause_s)
        return
    try:
        yield lambda pause_s: bool(select.select([descriptor], [], [], pause_s)[0]) and child.wait() is not None
    finally:
        os.close(descriptor)


def _polled(child: subprocess.Popen[bytes], pause_s: float) -> bool:
    try:
        child.wait(pause_s)
    except subprocess.TimeoutExpired:
        return False
    return True


LOG_TAIL_BYTES = 4000
WORKER = "harness.measure.worker"


@dataclass(frozen=True)
class Answer:
    """A worker's result and arrays."""

    result: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


@dataclass(frozen=True)
class WorkerFailure:
    """Why there is no answer.

    Attributes:
        verdict: What happened.
        log: The tail of what the worker printed.
        done: What it had done, as `harness.measure.worker.progress` notes it.
        shape: Whether the cause is the shape of an input, which the command line can give.
    """

    verdict: Verdict
    log: str
    shape: bool = False
    done: Mapping[str, Any] = field(default_factory=dict)


Watcher = Callable[[int], AbstractContextManager[Any]]


def run_worker(job: Job, timeout_s: float, watch: Watcher = nullcontext) -> Answer | WorkerFailure:
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


def _run(job: Job, out: Path, timeout_s: float, watch: Watcher) -> Answer | WorkerFailure:
    log, limit_s = out / "log.txt", timeout_s + job.own_time_s
    kills_before = out_of_memory.kills(HostFs())
    with log.open("wb") as sink:
        now_ns = time.perf_counter_ns()
        job = dataclasses.replace(job, spawned_ns=now_ns, deadline_ns=now_ns + round(limit_s * 1e9))
        job.write(out / "job.json")
        child = subprocess.Popen(
            [
                job.interpreter.executable if job.interpreter else sys.executable,
                "-m",
                WORKER,
                "job.json",
                str(os.getpid()),
            ],
            cwd=out,
            env={**os.environ, "PYTHONPATH": job.interpreter.packages} if job.interpreter else None,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            with watch(child.pid):
                stopped = supervise(child, limit_s, job.memory_bytes)
        finally:
            _kill_session(child.pid)
            child.wait()
    if stopped:
        return _broken_off(stopped, job, out, log)
    return _answer(job, out, child.returncode, log, kills_before)


def _kill_session(leader: int) -> None:
    """End a worker and whatever it started; its session is its own."""
    if leader > 1:  # the kernel takes group 1 for every process there is
        with suppress(ProcessLookupError):
            os.killpg(leader, signal.SIGKILL)


def _answer(job: Job, out: Path, status: int, log: Path, kills_before: int | None) -> Answer | WorkerFailure:
    path = out / "result.json"
    if not path.exists():
        return _broken_off(_without_space(out) or _died(status, kills_before), job, out, log)
    result = json.loads(path.read_text(encoding="utf-8"))
    if "error" in result:
        kind: Status = result["error"]
        verdict = Verdict(kind, result["message"], result.get("remedy") or REMEDIES[kind])
        return WorkerFailure(verdict, _tail(log), bool(result.get("shape")), noted(out))
    with np.load(out / "arrays.npz", allow_pickle=False) as file:
        return Answer(result, dict(file))


def _without_space(out: Path) -> Verdict | None:
    """Return a verdict where the process had no room for its answer; its log has none either, and says nothing."""
    if shutil.disk_usage(out).free >= _LEAST_FREE_BYTES:
        return None
    reason = f"no space left on device for what the process measured: {out}"
    return Verdict("crashed", reason, "free some space there, or set TMPDIR to a folder on another disk")


def _broken_off(verdict: Verdict, job: Job, out: Path, log: Path) -> WorkerFailure:
    """Return the failure of a process that was ended, with what it had done and, of a time limit, what it needs."""
    done = noted(out)
    reason, remedy = f"{verdict.reason}, {doing(done, job.phase)}", verdict.remedy
    if verdict.status == "timeout" and (once_ns := done.get("warmup_median_ns") or done.get("first_inference_ns")):
        start_s = (done["import_ns"] + done["load_ns"]) / 1e9
        remedy = f"--timeout {job.needed_s(start_s, once_ns / 1e9)} lets it do all its inferences"
    return WorkerFailure(Verdict(verdict.status, reason, remedy), _tail(log), done=done)


def _died(status: int, kills_before: int | None) -> Verdict:
    """Derive a verdict from the exit status, and from how often the kernel has killed for memory before and after."""
    if status >= 0:
        return Verdict("crashed", f"the process ended with status {status} and no result", REMEDIES["crashed"])
    if -status == signal.SIGKILL:
        kills = out_of_memory.kills(HostFs())
        if kills is not None and kills_before is not None and kills > kills_before:
            reason = "killed by the kernel for memory: see `dmesg | grep -i oom`"
            return Verdict("out-of-memory", reason, REMEDIES["out-of-memory"])
        why = (
            "nothing here counts the kernel's kills for memory"
            if kills is None
            else "the kernel killed nothing for memory"
        )
        return Verdict("crashed", f"killed by SIGKILL; {why}", REMEDIES["crashed"])
    return Verdict("crashed", f"the process was ended by {_signal_name(-status)}", REMEDIES["crashed"])


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # those for real time, 32 to 64, have none
        return f"signal {number}"


def _tail(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LOG_TAIL_BYTES))
        return file.read().decode("utf-8", "replace")
