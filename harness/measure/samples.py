"""The samples of a case: what its processes have measured so far, and where their steady state begins."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.record import Blob, ProcessRun
from harness.core.scenario import Scenario
from harness.core.verdict import Finding
from harness.host.machine_speed import UNKNOWN_SPEED, MachineSpeed, UsualTime
from harness.sensors.sampler import Traces
from harness.stats import steady_state

from .passes.pipeline import PipelineResult
from .passes.worker_process import Answer, WorkerFailure
from .prepared import BlobSink, PreparedCase
from .presets import Profile
from .protocol import PHASES

SETTLES: frozenset[Scenario] = frozenset({"SingleStream", "MultiStream", "paced"})
"""Where latency has a level to settle on: not among streams, in a queue, or where the drift is what is looked for."""

_SAMPLES = frozenset({"wall_ns", "cpu_ns", "warmup_ns"})
_FROM_RESULT = (
    *("spawn_ns", "import_ns", "load_ns", "first_inference_ns", "involuntary_switches", "peak_rss_bytes", "started_ns"),
    *("ended_ns", "inferences", "calls_per_sample", "control_ratio", "same_input_ratio", "os_threads", "max_rss_bytes"),
    *("voluntary_switches", "cpu_pressure", "run_delay", "busy_threads", "gc_frozen", "new_input_ratio"),
    *("cycle_ns", "control_ns"),
)


@dataclass(frozen=True)
class Surroundings:
    """What the parent saw of the machine around one process.

    Attributes:
        others_cpus: CPUs that other programs used on average; None where the kernel does not tell.
        memory_ns: What the memory control took before and after; empty where it did not run.
        handover_ns: Round trip between CPUs before and after; empty if it was not measured.
    """

    others_cpus: float | None = None
    memory_ns: tuple[float, ...] = ()
    handover_ns: tuple[float, ...] = ()


UNWATCHED = Surroundings()


@dataclass(frozen=True)
class MemoryReference:
    """What the memory control of a case is compared with.

    Attributes:
        time: The usual time of this machine, else that of this run; None if there are too few times.
        usual: Whether it is the one of this machine.
        cache_bytes: Size of the last-level cache, None where the kernel does not tell.
    """

    time: UsualTime | None
    usual: bool
    cache_bytes: int | None


@dataclass
class CaseState:
    """What has been measured of one case so far: per process `wall_ns`, `cpu_ns` and the arrays of its scenario.

    `denormals` is what was found about numbers near zero, after the timing; `frames` what whole frames took, where they
    were timed.
    """

    prepared: PreparedCase
    runs: list[ProcessRun] = field(default_factory=list)
    wall_ns: list[NDArray[np.int64]] = field(default_factory=list)
    cpu_ns: list[NDArray[np.int64]] = field(default_factory=list)
    more: list[dict[str, NDArray[np.int64]]] = field(default_factory=list)
    thermal_traces: Traces | None = None
    driver_logs: list[str] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)
    failure: WorkerFailure | None = None
    denormals: Finding | None = None
    frames: PipelineResult | None = None
    throttled: str = ""
    memory: MemoryReference | None = None
    speed: MachineSpeed = UNKNOWN_SPEED
    started_utc: str = ""
    duration_s: float = 0.0

    def add(
        self, answer: Answer, place: int, blobs: BlobSink, profile: Profile, around: Surroundings = UNWATCHED
    ) -> None:
        """Add the answer of one process, and what was seen `around` it."""
        self.more.append({name: array for name, array in answer.arrays.items() if name not in _SAMPLES})
        run = dataclasses.replace(
            _process_run(answer, self, place, blobs, profile),
            others_cpus=around.others_cpus,
            memory_control_ns=around.memory_ns,
            handover_ns=around.handover_ns,
        )
        self.result = answer.result
        self.driver_logs += filter(None, [answer.result["driver_log"]])
        self.runs.append(run)
        self.wall_ns.append(answer.arrays["wall_ns"][-run.n_timed :])
        self.cpu_ns.append(answer.arrays["cpu_ns"][-run.n_timed :])

    @property
    def n_inputs(self) -> int:
        """Inputs that the timed loop takes in rotation."""
        return int(self.result.get("inputs_in_rotation", 1))


def steady_part(wall_ns: NDArray[np.int64], profile: Profile) -> tuple[int, str]:
    """Return the index where the steady state begins, and why there is none (then 0, so that nothing is lost).

    Levels may differ by 1 %, or by what the profile's own interval may span where that is more.
    """
    found = steady_state.detect(wall_ns, max(steady_state.TOLERANCE, profile.half_width))
    if isinstance(found, steady_state.Steady):
        return found.start_index, ""
    return 0, found.reason if len(found.batch_medians) else ""


def _process_run(answer: Answer, state: CaseState, order: int, blobs: BlobSink, profile: Profile) -> ProcessRun:
    """Return the process's figures; samples before the steady state, where there is one, join the warm-up."""
    result, wall, cpu = answer.result, answer.arrays["wall_ns"], answer.arrays["cpu_ns"]
    start, unsteady = steady_part(wall, profile) if state.prepared.case.scenario in SETTLES else (0, "")
    warmup = np.concatenate([answer.arrays["warmup_ns"], wall[:start]])
    sha256, n = blobs.put_blob({"wall_ns": wall[start:], "cpu_ns": cpu[start:], "warmup_ns": warmup, **state.more[-1]})
    return ProcessRun(
        index=len(state.runs),
        order=order,
        n_warmup=len(warmup),
        n_timed=n,
        median_ns=round(float(np.median(wall[start:]))),
        median_cpu_ns=round(float(np.median(cpu[start:]))),
        blob=Blob("latency", sha256, n, "ns"),
        unsteady=unsteady,
        affinity=tuple(result["affinity"]),
        peak_rss_after_bytes={name: result[f"after_{name}"]["peak_rss_bytes"] for name in PHASES},
        resident_bytes=tuple((n * result["calls_per_sample"], held) for n, held in result.get("resident_bytes", ())),
        cut_short=result.get("cut_short", {}),
        **{name: result[name] for name in _FROM_RESULT},
    )
