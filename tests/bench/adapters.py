"""What does an adapter add to its library's fastest Python call, and are its medians those of native tools?

    python tests/bench/adapters.py [--model MODEL] [--rounds N] [--calls N] [--runtimes NAME ...]

First, one session a runtime: `infer` and the library's own call in pairs, in microseconds; at most 2 may lie between
them. TorchScript, TensorFlow and Keras take a net of one operator for that. Then p50 of whole processes against
OpenVINO's benchmark_app (its own median of as many inferences) and, for ExecuTorch, ncnn and MNN, the bare loop one
writes around them: each ratio should lie within 0.98 to 1.02. Runtimes that are not installed, or whose files were not
made (`edgebench prepare runtimes`), are named and left out. Wants a quiet machine.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from harness.core import plugins
from harness.core.errors import EdgebenchError
from harness.host.resource_limits import ResourceLimits
from harness.measure.prepared import PreparedCase
from harness.runs.variants import VariantResolver
from harness.runtimes.base import Adapter, SessionError
from harness.stats.comparison import ab

sys.path.insert(0, str(Path(__file__).parent))
from _bare import BARE
from _rounds import Contender, measure, print_table, warn_if_busy
from _tiny import TINY, tiny
from fidelity import _length, _ours, _shape, benchmark_app

MOST_US, LOW, HIGH = 2.0, 0.98, 1.02
RUNTIMES = (
    *("onnxruntime-cpu", "litert-xnnpack", "openvino-cpu", "torchscript", "executorch", "ncnn", "mnn", "tensorflow"),
    "keras",
)


def _ncnn(session: Any) -> Callable[[], None]:
    """An Extractor is good for one inference; blobs by number, into a Mat at hand, save a look-up and a copy."""
    create, ((given, image),), ((asked, answer),) = session._net.create_extractor, session._feeds, session._answers

    def call() -> None:
        extractor = create()
        extractor.input(given, image)
        extractor.extract(asked, answer)

    return call


def _mnn(session: Any) -> Callable[[], None]:
    """With the copy: MNN works on in the memory of its input, which the next inference finds spoilt."""
    run, own, ((copy, host),) = session._net.runSession, session._session, session._copies

    def call() -> None:
        copy(host)
        run(own)

    return call


FASTEST: Mapping[str, Callable[[Any], Callable[[], Any]]] = {
    "onnxruntime-cpu": lambda session: partial(session._session.run_with_iobinding, session._binding),
    "litert-xnnpack": lambda session: session._interpreter.invoke,
    "openvino-cpu": lambda session: session._infer,
    "torchscript": lambda session: partial(session._module, *session._arguments),
    "executorch": lambda session: session._method.execute,
    "ncnn": _ncnn,
    "mnn": _mnn,
    "tensorflow": lambda session: session._call,
    "keras": lambda session: session._call,
}
"""The quickest way to one inference that the library's Python interface has, on a session of ours."""


def main() -> None:
    """Measure and print, or be the measured child."""
    arguments = _arguments()
    if arguments.child:
        model = Path(arguments.child)
        print(BARE[model.suffix](model, arguments.seconds))
        return
    warn_if_busy()
    found = _prepared(arguments.model, arguments.runtimes)
    with tempfile.TemporaryDirectory() as scratch:
        rows = [[name, *_cost(one, arguments.calls, Path(scratch))] for name, one in found.items()]
    print_table(["runtime", "library us", "added us", "95 % interval", f"<= {MOST_US:g}"], rows)
    contenders, duels = _native(found, arguments.seconds)
    if not duels:
        return
    print()
    medians = measure(contenders, arguments.rounds, seed=0)
    print_table(
        ["ours", "native", "ratio", "95 % interval", f"in {LOW}-{HIGH}"], [_duel(medians, *duel) for duel in duels]
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="mobilenet_v2-0.35-32|fp32", help="a shipped net and setting")
    parser.add_argument("--runtimes", nargs="+", choices=RUNTIMES, default=RUNTIMES)
    parser.add_argument("--rounds", type=int, default=10, help="at least 2")
    parser.add_argument("--calls", type=int, default=20_000, help="pairs of one each, a runtime")
    parser.add_argument("--seconds", type=float, default=2.0, help="timed, a process")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


def _prepared(model: str, runtimes: Sequence[str]) -> dict[str, PreparedCase]:
    """The model on every runtime that can; prints why the others cannot."""
    found = {}
    for name in runtimes:
        try:
            found[name] = VariantResolver(ResourceLimits(300.0), 1).resolve(model, name).prepared
        except EdgebenchError as error:
            print(f"without {name}: {error.message}: {error.remedy}")
    return found


def _cost(prepared: PreparedCase, calls: int, scratch: Path) -> list[str]:
    name = prepared.case.runtime
    adapter: Adapter = plugins.load("runtimes", name)
    path = tiny(name, scratch) if name in TINY else prepared.artifact.path
    try:
        session = adapter.open(path, prepared.options)
    except SessionError as error:
        return [str(error), "", "", ""]
    (spec,) = session.inputs
    shape = [size if isinstance(size, int) and size > 0 else 1 for size in spec.shape]
    session.prepare({spec.name: np.random.default_rng(0).random(shape, np.float32)})
    library, added = _alternate(FASTEST[name](session), session.infer, calls)
    lo, mid, hi = (difference / 1e3 for difference in added)
    verdict = "yes" if hi <= MOST_US else "NO" if lo > MOST_US else "undecided"
    return [f"{library / 1e3:.2f}", f"{mid:+.2f}", f"{lo:+.2f} to {hi:+.2f}", verdict]


def _alternate(library: Callable[[], Any], ours: Callable[[], Any], pairs: int) -> tuple[float, tuple[float, ...]]:
    """Median nanoseconds of the library's call; by how much ours is longer: low end, median, high end of 95 %.

    One call of each in turn, now the one and now the other first: a drift hits both alike, and the second of a pair
    finds warm caches. The interval is that of the median of the pairs' differences, by order statistics.
    """
    for _ in range(200):
        library(), ours()
    taken = np.zeros((pairs, 2), np.int64)
    for pair in range(pairs):
        for place in (pair % 2, 1 - pair % 2):
            call = (library, ours)[place]
            before = time.perf_counter_ns()
            call()
            taken[pair, place] = time.perf_counter_ns() - before
    differences = np.sort(taken[:, 1] - taken[:, 0])
    reach = round(1.96 * pairs**0.5 / 2)
    return float(np.median(taken[:, 0])), tuple(float(differences[pairs // 2 + way * reach]) for way in (-1, 0, 1))


def _native(found: Mapping[str, PreparedCase], seconds: float) -> tuple[dict[str, Contender], list[tuple[str, str]]]:
    """Whole processes of ours and of native tools, and which stands against which."""
    contenders: dict[str, Contender] = {}
    duels = []
    for name in ("openvino-cpu", "executorch", "ncnn", "mnn"):
        if name in found:
            one = found[name]
            contenders[name] = partial(_ours, one, _length(seconds))
            native = "benchmark_app" if name == "openvino-cpu" else f"bare loop of {name}"
            other = partial(benchmark_app, one, _shape(one), seconds) if name == "openvino-cpu" else None
            contenders[native] = other or partial(_child, one, seconds)
            duels.append((name, native))
    return contenders, duels


def _duel(medians: Mapping[str, list[float]], ours: str, native: str) -> list[str]:
    found = ab(medians[native], medians[ours])
    inside = "yes" if LOW <= found.ratio <= HIGH else "NO"
    return [ours, native, f"{found.ratio:.4f}", f"{found.lo:.4f} to {found.hi:.4f}", inside]


def _child(prepared: PreparedCase, seconds: float) -> float:
    """This file again, in a fresh process."""
    command = [sys.executable, __file__, "--child", str(prepared.artifact.path), "--seconds", str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


if __name__ == "__main__":
    main()
