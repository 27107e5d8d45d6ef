"""The child that measures peaks: `python -m harness.host.roofline_worker THREADS ARRAY_BYTES` prints one JSON object.

A process of its own, since a BLAS library reads its number of threads once, when it is loaded.
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
"""How long each kernel is repeated; the best repetition counts, since a peak is asked for."""

_SIDE = 512  # large enough for nearly full speed, short enough to fit between two turns of another program


def main() -> int:
    """Measure and print."""
    threads, array_bytes = (int(argument) for argument in sys.argv[1:3])
    print(json.dumps({
        "flops_per_s": flops_per_s(), "bytes_per_s": bytes_per_s(threads, array_bytes), "blas": blas()
    }))  # fmt: skip
    return 0


def flops_per_s() -> float:
    """fp32 matrix product: 2 n^3 operations, on as many threads as the BLAS library was told."""
    rng = np.random.default_rng(0)
    left, right = (rng.random((_SIDE, _SIDE), np.float32) for _ in range(2))
    product = np.empty_like(left)
    return 2 * _SIDE**3 / _best_s(lambda: np.matmul(left, right, out=product))


def bytes_per_s(threads: int, array_bytes: int) -> float:
    """Of a = b + c on arrays that no cache holds, a part to each thread: 3 times the bytes of one (STREAM's 'Add')."""
    n = array_bytes // 8 // threads
    a, b, c = ([np.ones(n) for _ in range(threads)] for _ in range(3))

    def add(part: int) -> None:
        np.add(b[part], c[part], out=a[part])

    with ThreadPoolExecutor(threads) as pool:
        return threads * 3 * 8 * n / _best_s(lambda: list(pool.map(add, range(threads))))


def _best_s(work: Callable[[], object]) -> float:
    """Seconds of the quickest repetition, of which there is at least one; what is run first warms up."""
    work()
    best, before, end = math.inf, time.perf_counter(), time.perf_counter() + SECONDS
    while True:
        work()
        now = time.perf_counter()
        best, before = min(best, now - before), now
        if now >= end:
            return best


def blas() -> str:
    """NumPy's version and BLAS library."""
    built: dict[str, dict[str, dict[str, str]]] = np.show_config(mode="dicts")  # type: ignore[assignment]
    library = built.get("Build Dependencies", {}).get("blas", {})
    return f"numpy {np.__version__}, {library.get('name', 'unknown BLAS')} {library.get('version', '')}".strip()


if __name__ == "__main__":
    raise SystemExit(main())
