"""Measure how fast the machine is in this run: both control kernels and the reference net, before the first case."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.host.cpu_time import OtherPrograms
from harness.host.machine_speed import HANDOVER, MachineSpeed, SpeedHistory

from . import reference_net
from .passes.handover import handover_ns
from .passes.memory_control import MemoryControl
from .passes.worker_process import Answer, WorkerFailure, run_worker
from .protocol import Job, Loop
from .witnesses import CONTENDED, OTHERS_CPUS, WAITED

PROCESSES = 3
_LOOP = Loop(warmup_n=10, warmup_ns=50_000_000, min_n=30, min_ns=100_000_000)
_TIMEOUT_S = 120.0


def software() -> str:
    """Return what the times depend on besides the machine: only runs with the same are compared."""
    return f"Python {platform.python_version()}, NumPy {np.__version__}, net {reference_net.VERSION}"


def machine_speed(
    history: SpeedHistory | Missing, memory: MemoryControl, cpus: Sequence[int], scratch: Path
) -> MachineSpeed:
    """Measure, judge by the history and add to it; a machine that was busy meanwhile is neither judged nor kept.

    Args:
        history: Earlier runs of this unit.
        memory: The memory control.
        cpus: The CPUs that cases run on, the best first; empty for the system's choice.
        scratch: A folder for the processes.
    """
    if isinstance(history, Missing):
        return MachineSpeed(unknown=history.reason)
    now_ns = _measured(memory, cpus, scratch)
    speed = history.judge(now_ns)
    if not isinstance(now_ns, Missing):
        history.add(now_ns)
    return speed


def _measured(memory: MemoryControl, cpus: Sequence[int], scratch: Path) -> Mapping[str, float] | Missing:
    answers: list[Answer] = []
    memory_ns: list[float] = []
    handovers: list[float] = []
    for number in range(PROCESSES):
        memory_ns.append(memory.ns(cpus))
        handovers += filter(None, [handover_ns(cpus)])
        out = str(scratch / f"speed-{number}")
        runtime = f"{reference_net.__name__}:{reference_net.REFERENCE.name.upper()}"
        others = OtherPrograms(HostFs())
        answer = run_worker(Job("latency", runtime, "", out, loop=_LOOP, affinity=tuple(cpus[:1])), _TIMEOUT_S)
        company = others.cpus()
        if isinstance(answer, WorkerFailure):
            return Missing(f"the reference net ended as {answer.verdict.status}: {answer.verdict.reason}")
        if _busy(answer) or (company is not None and company > OTHERS_CPUS):
            return Missing("other programs ran while it was measured")
        answers.append(answer)
    return {
        "control": float(np.median([answer.result["control_ns"] for answer in answers])),
        "memory": float(np.median(memory_ns)),
        "reference": float(np.median([np.median(answer.arrays["wall_ns"]) for answer in answers])),
        **({HANDOVER: float(np.median(handovers))} if handovers else {}),
    }


def _busy(answer: Answer) -> bool:
    waited = (answer.result["run_delay"], answer.result["cpu_pressure"])
    wall, cpu = (float(np.median(answer.arrays[name])) for name in ("wall_ns", "cpu_ns"))
    return wall > CONTENDED * cpu or any(share is not None and share > WAITED for share in waited)
