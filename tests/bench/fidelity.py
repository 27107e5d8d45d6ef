"""Are our medians those of others? One alternating run on the same model, threads and runtime.

    python tests/bench/fidelity.py [--model MODEL] [--threads N] [--rounds N] [--seconds S] [--out FILE.json]

Our p50 over that of a bare loop written here, of MLPerf LoadGen's SingleStream (pip install mlcommons-loadgen) and, on
OpenVINO, of its benchmark_app. Every round runs each of them once in a fresh process on the same CPUs, in random order.
Each ratio should lie within 0.98 to 1.02. Some three minutes with the defaults.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from harness.core import plugins
from harness.core.errors import EdgebenchError
from harness.core.hostfs import HostFs
from harness.host.resource_limits import ResourceLimits
from harness.measure.ab import time_process
from harness.measure.passes.worker_process import WorkerFailure, run_worker
from harness.measure.prepared import PreparedCase
from harness.measure.presets import Profile, profile
from harness.runs.plan import find_target
from harness.runs.variants import VariantResolver
from harness.stats.comparison import ab

sys.path.insert(0, str(Path(__file__).parent))
from _rounds import Contender, keep, measure, pinned, warn_if_busy

LOW, HIGH = 0.98, 1.02
WARMUP_S = 0.5


def main() -> None:
    """Measure and print, or be one of the measured children."""
    arguments = _arguments()
    if arguments.child:
        print(CHILDREN[arguments.child](Path(arguments.model), arguments.threads, arguments.seconds))
        return
    warn_if_busy()
    contenders, duels = _contenders(arguments)
    medians = measure(contenders, arguments.rounds, seed=0)
    rows = []
    for ours, peer in duels:
        found = ab(medians[peer], medians[ours])
        inside = "yes" if LOW <= found.ratio <= HIGH else "NO"
        p50s = [f"{statistics.median(medians[name]) / 1e6:.4f}" for name in (ours, peer)]
        rows.append([ours, peer, *p50s, f"{found.ratio:.4f}", f"{found.lo:.4f} to {found.hi:.4f}", inside])
    head = ["ours", "peer", "ours ms", "peer ms", "ratio", "95 % interval", f"in {LOW}-{HIGH}"]
    keep(arguments.out, "fidelity", head, rows, model=arguments.model, threads=arguments.threads, medians_ns=medians)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="mobilenet_v2-1.0-224|fp32", help="as for edgebench ab")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=2.0, help="timed, a process")
    parser.add_argument("--out", type=Path, help="keep the result there as JSON")
    parser.add_argument("--child", choices=CHILDREN, help=argparse.SUPPRESS)
    return parser.parse_args()


def _contenders(arguments: argparse.Namespace) -> tuple[dict[str, Contender], list[tuple[str, str]]]:
    """All that run, and which of ours stands against which peer; prints who is missing, and why."""
    resolver = VariantResolver(ResourceLimits.on(find_target("auto", HostFs())), arguments.threads)
    prepared = resolver.resolve(arguments.model, "onnxruntime-cpu").prepared
    length = _length(arguments.seconds)
    contenders: dict[str, Contender] = {"onnxruntime": partial(_ours, prepared, length)}
    duels = []
    for peer, reason in (("bare loop", ""), ("loadgen", _no_loadgen())):
        if reason:
            print(f"without {peer}: {reason}")
            continue
        contenders[peer] = partial(_child, peer, prepared, arguments.seconds)
        duels.append(("onnxruntime", peer))
    runtime, reason = _openvino()
    if reason:
        print(f"without benchmark_app: {reason}")
    else:
        on_openvino = resolver.resolve(arguments.model, runtime).prepared
        contenders["openvino"] = partial(_ours, on_openvino, length)
        contenders["benchmark_app"] = partial(benchmark_app, on_openvino, _shape(on_openvino), arguments.seconds)
        duels.append(("openvino", "benchmark_app"))
    return contenders, duels


def _length(seconds: float) -> Profile:
    """The standard profile with as long a warm-up and loop as the peers get."""
    standard = profile("standard")
    loop = dataclasses.replace(standard.loop, warmup_ns=round(WARMUP_S * 1e9), min_ns=round(seconds * 1e9))
    return dataclasses.replace(standard, loop=loop)


def _ours(prepared: PreparedCase, length: Profile) -> float:
    with tempfile.TemporaryDirectory() as scratch:
        timing = time_process(prepared, length, Path(scratch) / "job", seed=0)
    if isinstance(timing, WorkerFailure):
        raise EdgebenchError(f"{prepared.case.id}: {timing.verdict.reason}", timing.log)
    return timing.median_ns


def _child(which: str, prepared: PreparedCase, seconds: float) -> float:
    """This file again, in a fresh process."""
    command = [sys.executable, __file__, "--child", which, "--model", str(prepared.artifact.path)]
    command += ["--threads", str(prepared.options.threads), "--seconds", str(seconds)]
    with pinned(prepared.cpus):
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def _session(model: Path, threads: int) -> Callable[[], Any]:
    """An ONNX Runtime session as any user would open it, with one input of noise; a call infers once."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    (node,) = session.get_inputs()
    shape = [size if isinstance(size, int) else 1 for size in node.shape]
    feed = {node.name: np.random.default_rng(0).random(shape, np.float32)}
    return partial(session.run, None, feed)


def _loop(infer: Callable[[], Any], seconds: float) -> list[int]:
    samples = []
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        before = time.perf_counter_ns()
        infer()
        samples.append(time.perf_counter_ns() - before)
    return samples


def bare_loop(model: Path, threads: int, seconds: float) -> float:
    """The loop everyone writes."""
    infer = _session(model, threads)
    _loop(infer, WARMUP_S)
    return statistics.median(_loop(infer, seconds))


def loadgen(model: Path, threads: int, seconds: float) -> float:
    """LoadGen's SingleStream around the same session; the p50 of its own summary."""
    import mlperf_loadgen as lg

    infer = _session(model, threads)
    warm = statistics.median(_loop(infer, WARMUP_S))

    def issue(queries: list[Any]) -> None:
        infer()
        lg.QuerySamplesComplete([lg.QuerySampleResponse(query.id, 0, 0) for query in queries])

    settings = lg.TestSettings()
    settings.scenario, settings.mode = lg.TestScenario.SingleStream, lg.TestMode.PerformanceOnly
    settings.min_duration_ms, settings.min_query_count = round(seconds * 1000), 100
    settings.single_stream_expected_latency_ns = round(warm / 2)  # too high and it runs out of queries
    with tempfile.TemporaryDirectory() as folder:
        logs = lg.LogSettings()
        logs.enable_trace = False
        logs.log_output.outdir = folder
        system = lg.ConstructSUT(issue, lambda: None)
        library = lg.ConstructQSL(1, 1, lambda samples: None, lambda samples: None)
        lg.StartTestWithLogSettings(system, library, settings, logs)
        lg.DestroyQSL(library)
        lg.DestroySUT(system)
        summary = (Path(folder) / "mlperf_log_summary.txt").read_text(encoding="utf-8")
    found = re.search(r"50\.00 percentile latency \(ns\)\s*:\s*(\d+)", summary)
    if found is None:
        raise ValueError(f"LoadGen's summary has no p50:\n{summary}")
    return float(found[1])


def benchmark_app(prepared: PreparedCase, shape: str, seconds: float) -> float:
    """OpenVINO's own benchmark, synchronous, in fp32; the median it prints (its JSON rounds to 0.01 ms)."""
    command = [str(_benchmark_app()), "-m", str(prepared.artifact.path), "-shape", shape]
    command += ["-d", "CPU", "-api", "sync", "-hint", "none", "-nthreads", str(prepared.options.threads)]
    command += ["-infer_precision", "f32", "-t", str(max(1, round(seconds)))]
    with pinned(prepared.cpus):
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"Median:\s*([\d.]+) (us|ms)", printed)
    if found is None:
        raise ValueError(f"benchmark_app printed no median:\n{printed}")
    return float(found[1]) * {"us": 1e3, "ms": 1e6}[found[2]]


def _shape(prepared: PreparedCase) -> str:
    """The shape of the model's one input for benchmark_app, which guesses no batch size: '[1,3,224,224]'."""
    with tempfile.TemporaryDirectory() as scratch:
        answer = run_worker(prepared.job("inspect", Path(scratch) / "job", seed=0), prepared.timeout_s)
    if isinstance(answer, WorkerFailure):
        raise EdgebenchError(f"{prepared.case.id}: {answer.verdict.reason}", answer.log)
    (spec,) = answer.result["inputs"]
    sizes = [size if isinstance(size, int) and size > 0 else 1 for size in spec["shape"]]
    return f"[{','.join(map(str, sizes))}]"


def _benchmark_app() -> Path:
    return Path(sys.executable).with_name("benchmark_app")


def _no_loadgen() -> str:
    return "" if importlib.util.find_spec("mlperf_loadgen") else "not installed: pip install mlcommons-loadgen"


def _openvino() -> tuple[str, str]:
    """Name of our OpenVINO runtime, or why there is no comparison with benchmark_app."""
    facts = {name: runtime.capability for name, runtime in plugins.load_all("runtimes").items()}
    ours = [name for name, one in facts.items() if "openvino" in one.modules and one.device == "cpu" and one.by_default]
    if not ours:
        return "", "edgebench has no OpenVINO runtime"
    return ours[0], "" if _benchmark_app().exists() else "not installed: pip install 'edgebench[openvino]'"


CHILDREN: dict[str, Callable[[Path, int, float], float]] = {"bare loop": bare_loop, "loadgen": loadgen}

if __name__ == "__main__":
    main()
