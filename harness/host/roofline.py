"""The roofline of this machine: measured in a few seconds, kept in the cache by machine."""

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
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing, utc_now
from harness.core.roofline import Roof, Roofline

from .identity import Machine

_BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")
_MIB = 1 << 20
_SMALLEST_ARRAY = 32 * _MIB
_TIMES_CACHE = 4
"""STREAM's rule: each array at least four times the last-level cache."""
_TIMEOUT_S = 120
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def cached(machine: Machine) -> Roofline | Missing:
    """What was measured on this machine before."""
    path = _path(machine)
    try:
        return Roofline.from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Missing("not measured on this machine: edgebench roofline")
    except (OSError, ValueError, TypeError, KeyError) as error:
        return Missing(f"{path} is damaged ({error}): edgebench roofline --again")


def load_or_measure(machine: Machine, fs: HostFs, *, may_measure: bool) -> Roofline | Missing:
    """The roofline of this machine, measured now where it is not known, `may_measure` and `fs` is no recorded tree."""
    found = cached(machine)
    if isinstance(found, Roofline) or not (may_measure and fs.live):
        return found
    try:
        return measure(machine, fs)
    except SetupError as error:
        return Missing(error.message)


def measure(machine: Machine, fs: HostFs) -> Roofline:
    """Measure with one thread and with all, and keep it. SetupError when the micro-benchmark fails."""
    cache = last_level_cache_bytes(fs)
    array_bytes = _array_bytes(cache, machine.memory_bytes)
    counts = sorted({1, len(os.sched_getaffinity(0))})
    answers = [_peak(threads, array_bytes) for threads in counts]
    found = Roofline(
        machine_id=_name(machine),
        measured_utc=utc_now(),
        blas=answers[0]["blas"],
        cache_bytes=None if isinstance(cache, Missing) else cache,
        roofs=tuple(_roof(threads, answers[: place + 1]) for place, threads in enumerate(counts)),
    )
    _keep(found, _path(machine))
    return found


def _roof(threads: int, answers: Sequence[dict[str, Any]]) -> Roof:
    """The best of this number of threads and fewer: more threads can always leave some idle."""
    flops, traffic = (max(answer[key] for answer in answers) for key in ("flops_per_s", "bytes_per_s"))
    return Roof(threads, flops, traffic)


def last_level_cache_bytes(fs: HostFs) -> int | Missing:
    """Size of the largest cache of the first core."""
    sizes = [fs.read(name) for name in fs.glob("/sys/devices/system/cpu/cpu0/cache/index*/size")]
    found = [re.fullmatch(r"(\d+)([KMG])", size.strip()) for size in sizes if isinstance(size, str)]
    known = [int(match[1]) * _UNITS[match[2]] for match in found if match]
    return max(known) if known else Missing("no /sys/devices/system/cpu/cpu0/cache/index*/size")


def _array_bytes(cache: int | Missing, memory_bytes: int | None) -> int:
    """Three arrays of this size stay within an eighth of the memory."""
    wanted = _SMALLEST_ARRAY if isinstance(cache, Missing) else max(_SMALLEST_ARRAY, _TIMES_CACHE * cache)
    return min(wanted, memory_bytes // 24) if memory_bytes else wanted


def _peak(threads: int, array_bytes: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "harness.host.roofline_worker", str(threads), str(array_bytes)]
    environment = {**os.environ, **dict.fromkeys(_BLAS_THREADS, str(threads))}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=_TIMEOUT_S)
        answer: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError) as error:
        raise SetupError(f"the roofline's micro-benchmark failed: {error}", f"try: {' '.join(command)}") from error
    return answer


def _keep(found: Roofline, path: Path) -> None:
    """Beside it first, then renamed, so that no reader meets half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(dataclasses.asdict(found), indent=1), encoding="utf-8")
    partial.replace(path)


def _path(machine: Machine) -> Path:
    return cache_dir() / f"roofline-{_name(machine)}.json"


def _name(machine: Machine) -> str:
    """The machine's id; a container without one shares what machines of its processor share."""
    return machine.machine_id or re.sub(r"[^A-Za-z0-9]+", "-", f"{machine.cpu_model} x{machine.cores}").lower()
