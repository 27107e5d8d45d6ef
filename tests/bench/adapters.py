"""What does an adapter add to its library's fastest Python call, and are its medians those of native tools?

    python tests/bench/adapters.py [--model MODEL] [--rounds N] [--calls N]

First, one session a runtime: `infer` and the library's own call in alternation, in microseconds; at most 2 may lie
between them. Then p50 of whole processes against OpenVINO's benchmark_app (its own median of as many inferences) and,
for ExecuTorch, a bare loop of `execute`: each ratio should lie within 0.98 to 1.02. Runtimes that are not installed, or
whose files were not made (`edgebench prepare runtimes`), are named and left out. Wants a quiet machine.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from harness.analysis.compare import ab
from harness.bench.room import Room
from harness.bench.sides import SideFinder
from harness.core import plugins
from harness.core.errors import EdgebenchError
from harness.measure.prepared import Prepared
from harness.runtimes.base import Adapter, SessionError

sys.path.insert(0, str(Path(__file__).parent))
from _rounds import Contender, measure, print_table, warn_if_busy
from fidelity import _length, _ours, _shape, benchmark_app

MOST_US, LOW, HIGH = 2.0, 0.98, 1.02
RUNTIMES = ("onnxruntime-cpu", "litert-xnnpack", "openvino-cpu", "torchscript", "executorch")
FASTEST: Mapping[str, Callable[[Any], Callable[[], Any]]] = {
    "onnxruntime-cpu": lambda session: partial(session._session.run_with_iobinding, session._binding),
    "litert-xnnpack": lambda session: session._interpreter.invoke,
    "openvino-cpu": lambda session: session._infer,
    "torchscript": lambda session: partial(session._module, *session._arguments),
    "executorch": lambda session: session._method.execute,
}
"""The quickest way to one inference that the library's Python interface has, on a session of ours."""


def main() -> None:
    """Measure and print, or be the measured child."""
    arguments = _arguments()
    if arguments.child:
        print(bare_executorch(Path(arguments.child), arguments.seconds))
        return
    warn_if_busy()
    found = _prepared(arguments.model)
    rows = [[name, *_cost(one, arguments.calls)] for name, one in found.items()]
    print_table(["runtime", "library us", "adapter us", "added us", f"<= {MOST_US:g}"], rows)
    print()
    contenders, duels = _native(found, arguments.seconds)
    medians = measure(contenders, arguments.rounds, seed=0)
    print_table(
        ["ours", "native", "ratio", "95 % interval", f"in {LOW}-{HIGH}"], [_duel(medians, *duel) for duel in duels]
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="mobilenet_v2-0.35-32|fp32", help="a shipped net and setting")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--calls", type=int, default=20_000, help="of each of the two, a runtime")
    parser.add_argument("--seconds", type=float, default=2.0, help="timed, a process")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


def _prepared(model: str) -> dict[str, Prepared]:
    """The model on every runtime that can; prints why the others cannot."""
    found = {}
    for name in RUNTIMES:
        try:
            found[name] = SideFinder(Room(300.0), 1).find(model, name).prepared
        except EdgebenchError as error:
            print(f"without {name}: {error.message}: {error.remedy}")
    return found


def _cost(prepared: Prepared, calls: int) -> list[str]:
    adapter: Adapter = plugins.load("runtimes", prepared.case.runtime)
    try:
        session = adapter.open(prepared.artifact.path, prepared.options)
    except SessionError as error:
        return [str(error), "", "", ""]
    (spec,) = session.inputs
    shape = [size if isinstance(size, int) and size > 0 else 1 for size in spec.shape]
    session.prepare({spec.name: np.random.default_rng(0).random(shape, np.float32)})
    library, ours = _alternate(FASTEST[prepared.case.runtime](session), session.infer, calls)
    added = (ours - library) / 1e3
    return [f"{library / 1e3:.2f}", f"{ours / 1e3:.2f}", f"{added:+.2f}", "yes" if added <= MOST_US else "NO"]


def _alternate(first: Callable[[], Any], second: Callable[[], Any], calls: int) -> tuple[float, float]:
    """Median nanoseconds of both, one call of each in turn, so that a drift of the machine hits both alike."""
    samples: tuple[list[int], list[int]] = ([], [])
    for _ in range(200):
        first(), second()
    for _ in range(calls):
        for call, taken in ((first, samples[0]), (second, samples[1])):
            before = time.perf_counter_ns()
            call()
            taken.append(time.perf_counter_ns() - before)
    return statistics.median(samples[0]), statistics.median(samples[1])


def _native(found: Mapping[str, Prepared], seconds: float) -> tuple[dict[str, Contender], list[tuple[str, str]]]:
    """Whole processes of ours and of native tools, and which stands against which."""
    contenders: dict[str, Contender] = {}
    duels = []
    for name, native in (("openvino-cpu", "benchmark_app"), ("executorch", "bare loop")):
        if name in found:
            one = found[name]
            contenders[name] = partial(_ours, one, _length(seconds))
            other = partial(benchmark_app, one, _shape(one), seconds) if native == "benchmark_app" else None
            contenders[native] = other or partial(_child, one, seconds)
            duels.append((name, native))
    return contenders, duels


def _duel(medians: Mapping[str, list[float]], ours: str, native: str) -> list[str]:
    found = ab(medians[native], medians[ours])
    inside = "yes" if LOW <= found.ratio <= HIGH else "NO"
    return [ours, native, f"{found.ratio:.4f}", f"{found.lo:.4f} to {found.hi:.4f}", inside]


def _child(prepared: Prepared, seconds: float) -> float:
    """This file again, in a fresh process."""
    command = [sys.executable, __file__, "--child", str(prepared.artifact.path), "--seconds", str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def bare_executorch(model: Path, seconds: float) -> float:
    """The loop everyone writes around ExecuTorch's method, on one thread; the median in nanoseconds."""
    import torch
    from executorch.extension.pybindings import portable_lib

    portable_lib._unsafe_reset_threadpool(1)
    program = portable_lib._load_program(str(model))
    method = program.load_method("forward")
    method.set_inputs([torch.rand(tuple(method.method_meta().input_tensor_meta(0).sizes()))])
    samples: list[int] = []
    deadline = time.perf_counter() + seconds + 0.5
    while time.perf_counter() < deadline:
        before = time.perf_counter_ns()
        method.execute()
        samples.append(time.perf_counter_ns() - before)
    return statistics.median(samples[len(samples) // 5 :])


if __name__ == "__main__":
    main()
