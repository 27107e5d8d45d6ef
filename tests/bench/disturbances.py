"""What is a figure called that was measured on a disturbed machine, and how far is it off? Calm, and in sixteen ways.

    python tests/bench/disturbances.py [--rounds 3] [--calm 12] [--minutes 60] [--condition NAME ...] [--out FILE.json]
    python tests/bench/disturbances.py --smoke        # one case, calm and two conditions: does it run?

The reference is the median of the calm runs of a case that are precise, since the host of a virtual machine disturbs it
at times; half of the calm runs come before the disturbed ones and half among them. Per condition, of the runs called
`precise`: the number whose interval is without the reference, within the run and on this machine (of those that knew
how far its runs differ), the number off by more than 5 and 20 %, and the worst. The history of the machine's speed is
one of its own, made of the calm runs. Every run is a process of its own, with its niceness, CPUs and control group;
whatever is started is stopped, and after --minutes nothing new is begun. The machine must be idle otherwise. What
cannot be done here, such as a quota without the rights for it, is named.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.hostfs import HostFs
from harness.core.quantity import Value
from harness.host.machine_speed import KNOWN_FROM, SpeedHistory
from harness.host.resource_limits import ResourceLimits
from harness.measure.machine_speed import machine_speed, software
from harness.measure.metrics import latency_metrics
from harness.measure.passes.latency import LatencyPass
from harness.measure.passes.memory_control import MemoryControl
from harness.measure.passes.surroundings import SurroundingsWatch
from harness.measure.presets import profile
from harness.measure.samples import CaseState
from harness.measure.verdicts import on_this_machine, verdict
from harness.measure.worker.parent import die_with_parent
from harness.runs.plan import find_target
from harness.runs.variants import VariantResolver

sys.path.insert(0, str(Path(__file__).parent))
from _disturbers import CannotDisturb, quota, running, stopping
from _rounds import keep, warn_if_busy

CASES = (
    "mobilenet_v2-0.35-32|fp32|onnxruntime-cpu",
    "mobilenet_v2-0.35-32|int8-static|litert-xnnpack",
    "shufflenet_v2-0.5-32|fp32|litert-xnnpack",
    "mobilenet_v2-1.0-224|fp32|onnxruntime-cpu",
)
TIMEOUT_S = 180.0
HEAD = ("condition", "runs", "precise", "outside", "on machine", "> 5 %", "> 20 %", "worst %", "other verdicts")


@dataclass(frozen=True)
class Spec:
    """One run: what is measured, and under what the measuring process puts itself."""

    case: str
    threads: int = 1
    niceness: int = 0
    cpus: tuple[int, ...] = ()
    group: str = ""
    hidden: tuple[str, ...] = ()
    profile: str = "quick"
    history: str = ""
    remember: bool = False


class Blobs:
    """Keeps no samples."""

    def put_blob(self, arrays: Any) -> tuple[str, int]:
        return "0" * 64, len(next(iter(arrays.values())))


class _ReadOnly(SpeedHistory):
    def add(self, now_ns: Any) -> None:
        """A disturbed run is not remembered."""


def measured(spec: Spec) -> dict[str, Any]:
    """Measure one case in this process; its verdict, and its median with the interval in ns."""
    if spec.group:
        (Path(spec.group) / "cgroup.procs").write_text(str(os.getpid()))
    if spec.niceness:
        os.nice(spec.niceness)
    if spec.cpus:
        os.sched_setaffinity(0, spec.cpus)
    prepared = (
        VariantResolver(ResourceLimits.on(find_target("auto", HostFs())), spec.threads).resolve(spec.case).prepared
    )
    kind = SpeedHistory if spec.remember else _ReadOnly
    memory, how = MemoryControl(HostFs()), profile(spec.profile)
    with tempfile.TemporaryDirectory() as folder:
        speed = machine_speed(kind("unit", software(), Path(spec.history)), memory, prepared.cpus, Path(folder))
        watch = SurroundingsWatch(HostFs(), memory, speed.usual.get("memory"))
        state = CaseState(prepared, speed=speed)
        for _ in LatencyPass(how, Blobs(), Path(folder), 0, surroundings=watch).measure([state]):
            pass
    state.runs = [dataclasses.replace(run, **dict.fromkeys(spec.hidden)) for run in state.runs]
    metrics = latency_metrics(state, how) if state.runs and state.failure is None else {}
    ruling, p50 = verdict(state, metrics, how, None), metrics.get("latency_p50_ns")
    figure = dataclasses.asdict(p50) if isinstance(p50, Value) else {"value": None, "lo": None, "hi": None}
    width = (figure["hi"] - figure["lo"]) / 2 / figure["value"] if figure["lo"] else None
    wider = None if width is None else on_this_machine(state, width)
    return {**figure, "on_this_machine": wider, "status": ruling.status, "reason": ruling.reason}


@dataclass
class Bench:
    """Starts runs, one after the other, as long as there is time."""

    ends_s: float
    history: Path
    pid: int | None = None

    def run(self, spec: Spec) -> dict[str, Any] | None:
        """The outcome of a run in a process of its own; None where there is no time left or it gave none."""
        if time.monotonic() >= self.ends_s:
            return None
        text = json.dumps(dataclasses.asdict(dataclasses.replace(spec, history=str(self.history))))
        child = subprocess.Popen(
            [sys.executable, __file__, "--child", text], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self.pid = child.pid
        try:
            out, _ = child.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return None
        finally:
            self.pid = None
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        return {**json.loads(out.splitlines()[-1]), **dataclasses.asdict(spec)} if child.returncode == 0 else None


Disturb = Callable[[Bench], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Condition:
    """A way to disturb: what runs meanwhile, and what the measuring process does to itself."""

    name: str
    disturb: Disturb = lambda _bench: nullcontext()
    threads: int = 1
    niceness: int = 0
    cpus: tuple[int, ...] = ()
    hidden: tuple[str, ...] = ()


def conditions(cpus: Sequence[int]) -> list[Condition]:
    """Calm and sixteen more; `cpus` are those a case is pinned to, in their order."""
    one, no_psi, blind = (cpus[0],), ("cpu_pressure",), ("cpu_pressure", "run_delay")

    def by(kind: str, *places: int | None) -> Disturb:
        def disturb(_bench: Bench) -> AbstractContextManager[Any]:
            if any(place is not None and place >= len(cpus) for place in places):
                raise CannotDisturb(f"it takes {max(filter(None, places)) + 1} CPUs")
            return running(kind, [None if place is None else cpus[place] for place in places])

        return disturb

    return [
        Condition("calm"),
        Condition("busy loop on its CPU", by("busy", 0)),
        Condition("busy loop on another CPU", by("busy", 1)),
        Condition("two busy loops anywhere", by("busy", None, None)),
        Condition("bursts of 100 ms on its CPU", by("bursts", 0)),
        Condition("bursts of 100 ms on another CPU", by("bursts", 1)),
        Condition("memory copied on another CPU", by("memory", 1)),
        Condition("stopped for 20 ms now and then", lambda bench: stopping(lambda: bench.pid)),
        Condition("quota of half a CPU", lambda _bench: quota(0.5)),
        Condition("two threads on one CPU", threads=2, cpus=one),
        Condition("niceness 19, busy loop anywhere", by("busy", None), niceness=19),
        Condition("no PSI, two threads, busy loop", by("busy", 0), threads=2, hidden=no_psi),
        Condition("no PSI, two threads, two loops", by("busy", 0, 1), threads=2, hidden=no_psi),
        Condition("no PSI, no schedstat, two threads", by("busy", 0), threads=2, hidden=blind),
        Condition("synced writes to disk", by("disk", None)),
        Condition("one short process after another", by("forks", None)),
        Condition("fifty threads that wake each ms", by("wakeups", None)),
    ]


def table(found: dict[str, list[dict[str, Any]]]) -> list[list[str]]:
    """One row per condition; the precise ones of a case's calm runs are the reference, all where none is."""
    every: dict[tuple[str, int], list[float]] = {}
    precise: dict[tuple[str, int], list[float]] = {}
    for outcome in found.get("calm", []):
        if outcome["value"]:
            key = outcome["case"], outcome["threads"]
            every.setdefault(key, []).append(outcome["value"])
            if outcome["status"] == "precise":
                precise.setdefault(key, []).append(outcome["value"])
    calm = {**every, **precise}
    return [_row(name, outcomes, calm) for name, outcomes in found.items() if outcomes]


def _row(name: str, outcomes: Sequence[dict[str, Any]], calm: dict[tuple[str, int], list[float]]) -> list[str]:
    off: list[float] = []
    outside = beyond = known = 0
    for outcome in outcomes:
        times = calm.get((outcome["case"], outcome["threads"]))
        if outcome["status"] == "precise" and times:
            reference = float(np.median(times))
            outside += not outcome["lo"] <= reference <= outcome["hi"]
            off.append(outcome["value"] / reference - 1)
            if (wider := outcome["on_this_machine"]) is not None:
                known += 1
                beyond += abs(math.log(reference / outcome["value"])) > math.log1p(wider)
    far = [sum(abs(share) > limit for share in off) for limit in (0.05, 0.20)]
    others = Counter(outcome["status"] for outcome in outcomes if outcome["status"] != "precise")
    worst = f"{100 * max(off, key=abs):+.1f}" if off else "-"
    precise = len(outcomes) - sum(others.values())
    counts = [str(len(outcomes)), str(precise), str(outside), f"{beyond} of {known}", *map(str, far)]
    return [name, *counts, worst, ", ".join(f"{count} {status}" for status, count in others.most_common())]


def plan(arguments: argparse.Namespace, chosen: Sequence[Condition]) -> Iterator[tuple[Condition, Spec]]:
    """Half of the calm runs first, which make the history; then round after round each condition with each case."""
    threads = sorted({condition.threads for condition in chosen})
    calm, *disturbed = chosen

    def calm_runs(n: int) -> Iterator[tuple[Condition, Spec]]:
        for _ in range(n):
            for case in arguments.cases:
                for count in threads:
                    yield calm, Spec(case, count, profile=arguments.profile, remember=case == arguments.cases[0])

    first = max(arguments.calm - arguments.calm // 2, min(arguments.calm, KNOWN_FROM))
    yield from calm_runs(first)
    for number in range(arguments.rounds):
        for condition in disturbed:
            count, nice, cpus, hidden = condition.threads, condition.niceness, condition.cpus, condition.hidden
            for case in arguments.cases:
                yield condition, Spec(case, count, nice, cpus, hidden=hidden, profile=arguments.profile)
        yield from calm_runs(len(range(number, arguments.calm - first, arguments.rounds)))


def main() -> None:
    """Run everything that there is time for, and print the table."""
    arguments = _arguments()
    if arguments.child:
        die_with_parent()
        given = json.loads(arguments.child)
        print(json.dumps(measured(Spec(**{**given, "cpus": tuple(given["cpus"]), "hidden": tuple(given["hidden"])}))))
        return
    warn_if_busy()
    every = conditions(ResourceLimits.on(find_target("auto", HostFs())).cpus)
    chosen = [one for one in every if one.name == "calm" or not arguments.condition or one.name in arguments.condition]
    outcomes: dict[str, list[dict[str, Any]]] = {one.name: [] for one in chosen}
    skipped: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(time.monotonic() + 60 * arguments.minutes, Path(folder))
        for condition, spec in plan(arguments, chosen):
            try:
                with condition.disturb(bench) as made:
                    outcome = bench.run(dataclasses.replace(spec, group=made or ""))
            except CannotDisturb as error:
                skipped[condition.name] = str(error)
                continue
            if outcome is not None:
                outcomes[condition.name].append(outcome)
                print(f"{condition.name}: {spec.case}: {outcome['status']}", file=sys.stderr, flush=True)
        if time.monotonic() >= bench.ends_s:
            print(f"stopped after {arguments.minutes:g} minutes: the rest was not measured")
    every_run = [outcome for each in outcomes.values() for outcome in each]
    keep(arguments.out, "disturbances", HEAD, table(outcomes), skipped=skipped, runs=every_run)
    for name, reason in skipped.items():
        print(f"not done: {name}: {reason}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each case under each condition")
    parser.add_argument("--calm", type=int, default=12, help="calm runs of each case")
    parser.add_argument("--minutes", type=float, default=60.0, help="begin nothing after this time")
    parser.add_argument("--condition", action="append", help="only this one, beside calm; may be given again")
    parser.add_argument("--cases", nargs="+", default=list(CASES), help="as `edgebench ab` takes them")
    parser.add_argument("--profile", default="quick")
    parser.add_argument("--smoke", action="store_true", help="one case, two calm runs, two conditions: does it run?")
    parser.add_argument("--out", type=Path, help="keep every run there as JSON")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.smoke:
        arguments.rounds, arguments.calm, arguments.cases = 1, 2, arguments.cases[:1]
        arguments.condition = ["busy loop on its CPU", "two threads on one CPU"]
    return arguments


if __name__ == "__main__":
    main()
