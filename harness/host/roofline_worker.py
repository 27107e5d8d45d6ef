"""Measure peaks: `python -m harness.host.roofline_worker THREADS ARRAY_BYTES` prints one JSON object.

It is a process of its own, since a BLAS library reads its number of threads only once, when it is loaded.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

SECONDS = 0.6
"""How long each kernel is repeated; the fastest repetition counts, since a peak is measured."""

_MATRIX_SIDE = 512  # large enough for nearly full speed, short enough to fit between two time slices of other programs


def main() -> int:
    """Measure and print the peaks."""
    threads, array_bytes = (int(argument) for argument in sys.argv[1:3])
    print(json.dumps({
        "flops_per_s": flops_per_s(), "bytes_per_s": bytes_per_s(threads, array_bytes), "blas": blas()
    }))  # fmt: skip
    return 0


def flops_per_s() -> float:
    """Return the rate of an fp32 matrix product of 2 n^3 operations, on the threads of the BLAS library."""
    rng = np.random.default_rng(0)
    left, right = (rng.random((_MATRIX_SIDE, _MATRIX_SIDE), np.float32) for _ in range(2))
    product = np.empty_like(left)
    return 2 * _MATRIX_SIDE**3 / _best_s(lambda: np.matmul(left, right, out=product))


def bytes_per_s(threads: int, array_bytes: int) -> float:
    """Return the memory traffic of STREAM's 'Add': a = b + c moves three arrays, split over the threads."""
    n = array_bytes // 8 // threads
    a, b, c = ([np.ones(n) for _ in range(threads)] for _ in range(3))

    def add(part: int) -> None:
        np.add(b[part], c[part], out=a[part])

    with ThreadPoolExecutor(threads) as pool:
        return threads * 3 * 8 * n / _best_s(lambda: list(pool.map(add, range(threads))))


def _best_s(work: Callable[[], object]) -> float:
    """Return the seconds of the fastest repetition after one for warm-up."""
    work()
    best, before, end = math.inf, time.perf_counter(), time.perf_counter() + SECONDS
    while True:
        work()
        now = time.perf_counter()
        best, before = min(best, now - before), now
        if now >= end:
            return best


def blas() -> str:
    """Return NumPy's version and BLAS library."""
    config: dict[str, dict[str, dict[str, str]]] = np.show_config(mode="dicts")  # type: ignore[assignment]
    library = config.get("Build Dependencies", {}).get("blas", {})
    return f"numpy {np.__version__}, {library.get('name', 'unknown BLAS')} {library.get('version', '')}".strip()


if __name__ == "__main__":
    raise SystemExit(main())
