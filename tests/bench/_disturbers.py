"""What disturbs a measurement, each as a context manager that ends what it began; see disturbances.py."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from harness.measure.worker.parent import die_with_parent

CGROUPS = ("/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup")
GROUP = "edgebench-disturbances"
ON_S, OFF_S = 0.1, 0.1
STOPPED_S, RUNS_S = 0.02, 0.1
MIB = 1 << 20


class CannotDisturb(Exception):
    """Why this machine cannot be disturbed in that way."""


# --- in a process of their own: `python _disturbers.py KIND [CPU]` ----------------------------------------------------


def busy() -> None:
    while True:
        pass


def bursts() -> None:
    while True:
        end = time.perf_counter() + ON_S
        while time.perf_counter() < end:
            pass
        time.sleep(OFF_S)


def memory() -> None:
    import numpy as np

    array = np.ones(256 * MIB, np.uint8)
    while True:
        np.copyto(array[: 128 * MIB], array[128 * MIB :])


def disk() -> None:
    with tempfile.TemporaryFile() as file:
        while True:
            file.seek(0)
            file.write(b"x" * (8 * MIB))
            file.flush()
            os.fsync(file.fileno())


def forks() -> None:
    while True:
        subprocess.run(["/bin/true"], check=False)


def wakeups() -> None:
    def tick() -> None:
        while True:
            time.sleep(0.001)

    for _ in range(50):
        threading.Thread(target=tick, daemon=True).start()
    tick()


KINDS: dict[str, Callable[[], None]] = {work.__name__: work for work in (busy, bursts, memory, disk, forks, wakeups)}


@contextlib.contextmanager
def running(kind: str, cpus: Sequence[int | None]) -> Iterator[None]:
    """One such process for each of `cpus`, pinned to it, or anywhere (None)."""
    children: list[subprocess.Popen[bytes]] = []
    try:
        for cpu in cpus:
            command = [sys.executable, __file__, kind, *([] if cpu is None else [str(cpu)])]
            children.append(subprocess.Popen(command, start_new_session=True))
        time.sleep(0.3)  # until they are at work
        yield
    finally:
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()


# --- from outside -----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def stopping(root_pid: Callable[[], int | None]) -> Iterator[None]:
    """Stop the worker below a process for 20 ms, again and again; it goes on in the end."""
    over = threading.Event()

    def stop() -> None:
        while not over.wait(RUNS_S):
            for pid in _workers(root_pid()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
                    time.sleep(STOPPED_S)
                    os.kill(pid, signal.SIGCONT)

    thread = threading.Thread(target=stop)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _workers(root: int | None) -> list[int]:
    if root is None:
        return []
    children: list[str] = []
    for file in Path(f"/proc/{root}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            children += file.read_text().split()
    return [int(pid) for pid in children if _is_worker(pid)]


def _is_worker(pid: str) -> bool:
    try:
        return b"harness.measure.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # ended meanwhile
        return False


@contextlib.contextmanager
def quota(cpus: float) -> Iterator[str]:
    """A control group with that quota, by its folder: whoever writes itself into its `cgroup.procs` has it."""
    for base in map(Path, CGROUPS):
        folder = base / GROUP
        try:
            folder.mkdir(exist_ok=True)
            if (folder / "cpu.max").exists():
                (folder / "cpu.max").write_text(f"{round(cpus * 100_000)} 100000")
            else:
                (folder / "cpu.cfs_quota_us").write_text(str(round(cpus * 100_000)))
        except OSError:
            with contextlib.suppress(OSError):
                folder.rmdir()
            continue
        try:
            yield str(folder)
        finally:
            with contextlib.suppress(OSError):
                folder.rmdir()
        return
    raise CannotDisturb("no control group for the CPU can be made here")


if __name__ == "__main__":
    die_with_parent()
    if sys.argv[2:]:
        os.sched_setaffinity(0, {int(sys.argv[2])})
    KINDS[sys.argv[1]]()
