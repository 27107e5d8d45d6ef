"""A shipped net made slower by a known share: by itself with operators added that change no answer."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from harness.measure.ab import PairedComparison
from harness.runs.ab import AbConfig, AbSession
from suites.artifacts import catalog
from tests.onnx_bytes import slowed

RUNTIME = "onnxruntime-cpu"
TRIAL_PAIRS = 32
"""Added for finding what one pair of operators costs."""

TRIALS = 7
"""How often that is tried: the median is blind to a neighbour that takes the core for some seconds."""


@dataclass(frozen=True)
class Slow:
    """A net with added operators: how many pairs, and how much longer it takes (`ratio`, between `lo` and `hi`)."""

    model: str
    pairs: int
    ratio: float
    lo: float
    hi: float

    @property
    def case(self) -> str:
        """The case it stands in for."""
        return f"{self.model}|fp32|{RUNTIME}|t1"

    @property
    def text(self) -> str:
        """'1.051 [1.047, 1.055]'."""
        return f"{self.ratio:.3f} [{self.lo:.3f}, {self.hi:.3f}]"


def slow_net(model: str, place: Path, share: float) -> Slow:
    """Write the net slowed by `share` (0.05: 5 %) as `<place>/<model>.onnx`, unless it is there.

    What a bare loop says a pair costs gives how many; pairs of fresh processes measure what came of it.
    """
    known, file = place / f"{model}.json", place / f"{model}.onnx"
    if known.is_file():
        return Slow(**json.loads(known.read_text(encoding="utf-8")))
    shipped = catalog.ARTIFACTS / model / "fp32.onnx"
    net = shipped.read_bytes()
    tried = slowed(net, "logits", TRIAL_PAIRS)
    cost = (statistics.median(_bare_ratio(net, tried) for _ in range(TRIALS)) - 1.0) / TRIAL_PAIRS
    pairs = max(1, round(share / cost))
    file.write_bytes(slowed(net, "logits", pairs))
    slow = Slow(model, pairs, *_true_ratio(shipped, file))
    print(f"{model}: {pairs} pairs of operators, {slow.text}", file=sys.stderr)
    known.write_text(json.dumps(asdict(slow)), encoding="utf-8")
    return slow


def _true_ratio(old: Path, new: Path) -> tuple[float, float, float]:
    """How much longer `new` takes, with its 95 % interval: pairs of fresh processes as in `edgebench ab`."""
    session = AbSession(AbConfig(str(old), str(new), RUNTIME, RUNTIME))
    pairs = session.request.max_pairs
    session.measured = PairedComparison(
        session.measured.order, (pairs,), same_within=0.0
    )  # all of them: a ratio is wanted, no early verdict
    for _ in session.run():
        pass
    if session.measured.comparison is None:
        sys.exit(f"{new} cannot be measured: {session.measured.failure}")
    return session.measured.comparison.ratio, session.measured.comparison.lo, session.measured.comparison.hi


def _bare_ratio(a: bytes, b: bytes) -> float:
    """Median of b over that of a, in alternating calls within this process."""
    calls = [_runner(a), _runner(b)]
    times = np.array([[call() for call in calls] for _ in range(2000)])
    return float(np.median(times[500:, 1]) / np.median(times[500:, 0]))


def _runner(model: bytes) -> Callable[[], float]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    (inputs,) = session.get_inputs()
    feed = {inputs.name: np.zeros([size if isinstance(size, int) else 1 for size in inputs.shape], np.float32)}

    def once() -> float:
        start = time.perf_counter_ns()
        session.run(None, feed)
        return time.perf_counter_ns() - start

    return once
