"""The roofline of this machine: measured in a few seconds, cached by machine."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.core.errors import SetupError
from harness.core.files import cache_dir
from harness.core.hardware.roofline import Roof, Roofline
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing, utc_now

from .identity import Machine

_BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")
_MIB = 1 << 20
_SMALLEST_ARRAY = 32 * _MIB
_TIMES_CACHE = 4
"""STREAM's rule: each array at least four times the last-level cache."""
_TIMEOUT_S = 120
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def cached(machine: Machine) -> Roofline | Missing:
    """Return the roofline that was measured on this machine before."""
    path = _path(machine)
    try:
        return Roofline.from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Missing("not measured on this machine: edgebench roofline")
    except (OSError, ValueError, TypeError, KeyError) as error:
        return Missing(f"{path} is damaged ({error}): edgebench roofline --again")


def load_or_measure(machine: Machine, fs: HostFs, *, may_measure: bool) -> Roofline | Missing:
    """Return the cached roofline of this machine, else measure it.

    Args:
        machine: The machine.
        fs: Its files; on a recorded tree nothing is measured.
        may_measure: Whether to measure what is not cached.
    """
    roofline = cached(machine)
    if isinstance(roofline, Roofline) or not (may_measure and fs.live):
        return roofline
    try:
        return measure(machine, fs)
    except SetupError as error:
        return Missing(error.message)


def measure(machine: Machine, fs: HostFs) -> Roofline:
    """Measure with one thread and with all, and cache the result.

    Raises:
        SetupError: The micro-benchmark fails.
    """
    cache = last_level_cache_bytes(fs)
    size = array_bytes(cache, machine.memory_bytes)
    counts = sorted({1, len(os.sched_getaffinity(0))})
    answers = [_peak(threads, size) for threads in counts]
    roofline = Roofline(
        machine_id=_name(machine),
        measured_utc=utc_now(),
        blas=answers[0]["blas"],
        cache_bytes=None if isinstance(cache, Missing) else cache,
        roofs=tuple(_roof(threads, answers[:n]) for n, threads in enumerate(counts, 1)),
    )
    _save(roofline, _path(machine))
    return roofline


def _roof(threads: int, answers: Sequence[dict[str, Any]]) -> Roof:
    """Return the best of this number of threads and fewer, since some threads can always stay idle."""
    flops, traffic = (max(answer[key] for answer in answers) for key in ("flops_per_s", "bytes_per_s"))
    return Roof(threads, flops, traffic)


def last_level_cache_bytes(fs: HostFs) -> int | Missing:
    """Return the size of the largest cache of the first core."""
    texts = [fs.read(name) for name in fs.glob("/sys/devices/system/cpu/cpu0/cache/index*/size")]
    matches = [re.fullmatch(r"(\d+)([KMG])", text.strip()) for text in texts if isinstance(text, str)]
    sizes = [int(match[1]) * _UNITS[match[2]] for match in matches if match]
    return max(sizes) if sizes else Missing("no /sys/devices/system/cpu/cpu0/cache/index*/size")


def array_bytes(cache: int | Missing, memory_bytes: int | None) -> int:
    """Return an array size beyond the cache; three arrays stay within an eighth of the memory."""
    size = _SMALLEST_ARRAY if isinstance(cache, Missing) else max(_SMALLEST_ARRAY, _TIMES_CACHE * cache)
    return min(size, memory_bytes // 24) if memory_bytes else size


def _peak(threads: int, array_bytes: int) -> dict[str, Any]:
    """Run the micro-benchmark in a process of its own and return what it prints."""
    command = [sys.executable, "-m", "harness.host.roofline_worker", str(threads), str(array_bytes)]
    environment = {**os.environ, **dict.fromkeys(_BLAS_THREADS, str(threads))}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=_TIMEOUT_S)
        answer: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError) as error:
        raise SetupError(f"the roofline's micro-benchmark failed: {error}", f"try: {' '.join(command)}") from error
    return answer


def _save(roofline: Roofline, path: Path) -> None:
    """Write atomically, so that no reader sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(dataclasses.asdict(roofline), indent=1), encoding="utf-8")
    partial.replace(path)


def _path(machine: Machine) -> Path:
    return cache_dir() / f"roofline-{_name(machine)}.json"


def _name(machine: Machine) -> str:
    """Return the machine's id; in a container without one, the processor and its number of cores."""
    return machine.machine_id or re.sub(r"[^A-Za-z0-9]+", "-", f"{machine.cpu_model} x{machine.cores}").lower()
