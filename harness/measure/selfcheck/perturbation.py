"""By how much something beside an inference slows it: switched on and off in short blocks while one process infers.

Neighbouring blocks see the same machine, so what moves it drops out of their ratio; and there are hundreds of them in
the time that a dozen pairs of processes would take.

What importing a module costs a fresh Python, in time and memory, on top of what was imported before it.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.core.quantity import Missing, Quantity, Value
from harness.stats.comparison import ab

BLOCK_NS = 50_000_000
FEWEST = 10
"""Samples that a block must hold for its median to say something."""

FEWEST_PAIRS = 6
"""The fewest pairs that have a 95 % interval."""

SwitchOn = Callable[[], Callable[[], object]]
"""Switches the disturbance on; what it returns switches it off."""


@dataclass(frozen=True)
class Block:
    """From when to when (monotonic ns) it was `on` or off."""

    start_ns: int
    end_ns: int
    on: bool


@dataclass
class Alternation:
    """Pairs of blocks, one of each on and off; two by two in the order off on on off or on off off on, by a coin."""

    switch_on: SwitchOn
    seed: int = 0
    block_ns: int = BLOCK_NS
    pairs: list[tuple[Block, Block]] = field(default_factory=list)

    @contextmanager
    def of(self, pid: int) -> Iterator[None]:
        """Alternate within the `with` block, in a thread, whichever process it is."""
        over = threading.Event()
        thread = threading.Thread(target=self._alternate, args=(over,), name="edgebench-alternation", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _alternate(self, over: threading.Event) -> None:
        rng = random.Random(self.seed)  # noqa: S311 - an order, no secret
        while not over.is_set():
            first = rng.random() < 0.5
            for on in (first, not first):
                self.pairs.append((self._block(on, over), self._block(not on, over)))

    def _block(self, on: bool, over: threading.Event) -> Block:
        off = self.switch_on() if on else None
        start = time.perf_counter_ns()
        over.wait(self.block_ns / 1e9)
        end = time.perf_counter_ns()
        if off is not None:
            off()
        return Block(start, end, on)


def slowdown(pairs: Sequence[tuple[Block, Block]], at_ns: NDArray[np.int64], wall_ns: NDArray[np.int64]) -> Quantity:
    """Return the ratio of the medians on and off, less 1, with its 95 % interval (Hodges-Lehmann, as in `ab`).

    `at_ns` are the times at which the samples `wall_ns` began, ascending. Pairs in which a block holds too few are
    left out.
    """

    def within(block: Block) -> NDArray[np.int64]:
        return wall_ns[slice(*np.searchsorted(at_ns, (block.start_ns, block.end_ns)))]

    parts = [{block.on: within(block) for block in pair} for pair in pairs]
    full = [part for part in parts if min(map(len, part.values())) >= FEWEST]
    if len(full) < FEWEST_PAIRS:
        return Missing(f"{len(full)} pairs of blocks with {FEWEST} inferences each: this load or machine is too slow")
    ratio = ab([part[False] for part in full], [part[True] for part in full], same_within=0.0)
    return Value(ratio.ratio - 1.0, ratio.lo - 1.0, ratio.hi - 1.0, ratio.pairs)


_SCRIPT = """
import importlib, json, resource, sys, time

def rss_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

costs = [(0, rss_bytes())]
for name in sys.argv[1:]:
    memory, before = rss_bytes(), time.perf_counter_ns()
    importlib.import_module(name)
    costs.append((time.perf_counter_ns() - before, rss_bytes() - memory))
print(json.dumps(costs))
"""


@dataclass(frozen=True)
class ImportCost:
    """Of fresh processes: the least nanoseconds, since what disturbs can only add; the median of the resident bytes."""

    module: str
    time_ns: float
    rss_bytes: float


def import_costs(modules: Sequence[str], scratch: Path, processes: int = 7) -> list[ImportCost]:
    """Measure the cost of each module, imported in turn in `processes` fresh ones; the first entry is bare Python.

    Bare Python has no time here: its start is over before anything can look at a clock. One process more goes first
    and does not count, so that all find the byte code compiled and the files in the page cache.
    """
    runs = [_once(modules, scratch) for _ in range(processes + 1)][1:]
    by_module = zip(["python", *modules], zip(*runs, strict=True), strict=True)
    return [
        ImportCost(name, float(min(time_ns for time_ns, _ in costs)), float(statistics.median(rss for _, rss in costs)))
        for name, costs in by_module
    ]


def _once(modules: Sequence[str], scratch: Path) -> list[tuple[int, int]]:
    """In `scratch`, so that nothing in the user's folder can shadow a module; its byte code is kept there too.

    Installed modules have theirs beside them, unless PYTHONDONTWRITEBYTECODE keeps a checkout from getting any.
    """
    command = [sys.executable, "-c", _SCRIPT, *modules]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(scratch / "bytecode")
    done = subprocess.run(command, cwd=scratch, env=environment, capture_output=True, check=True)
    return [(int(time_ns), int(rss)) for time_ns, rss in json.loads(done.stdout)]
