"""Does the nightly find a planted 5 %, and is it silent otherwise? Real nets, the real command, a store of its own.

    python tests/bench/planted.py [--history 8] [--clean 10] [--filter fp32] [--profile quick]

Nights of the quick suite fill the history, `--clean` more must report nothing, and in the last one a net is replaced
by itself with added operators, as many as make it 5 % slower in a bare loop here. Run it on a machine that does
nothing else; nights follow each other at once, so real nights differ more.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from suites import catalog

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parent))
from _rounds import print_table, warn_if_busy

from tests.onnx_bytes import slowed

MODEL = "mobilenet_v2-0.35-32"
CASE = f"{MODEL}|fp32|onnxruntime-cpu|t1"
PLANTED = 1.05


def main() -> None:
    """Run all nights and print what each reported."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--history", type=int, default=8, help="nights before the first judged one (at least 6)")
    parser.add_argument("--clean", type=int, default=10)
    parser.add_argument("--filter", default="", help="only cases whose id has this text")
    parser.add_argument("--profile", default="quick")
    parser.add_argument("--images", default="1000")
    arguments = parser.parse_args()
    warn_if_busy()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        rows = [_row(f"history {n + 1}", _night(arguments, place)) for n in range(arguments.history)]
        rows += [_row(f"clean {n + 1}", _night(arguments, place)) for n in range(arguments.clean)]
        pairs, ratio = _plant(place / "slow.onnx")
        rows.append(_row("planted", _night(arguments, place, "--artifact", f"{CASE}={place / 'slow.onnx'}")))
        print_table(["night", "exit", "headline", "findings"], rows)
        print(f"\nplanted in {CASE}: {pairs} pairs of operators, {100 * (ratio - 1):+.1f} % in a bare loop")
        subprocess.run(_command("nightly", "--explain", CASE), env=_environment(place), check=False)


def _night(arguments: argparse.Namespace, place: Path, *more: str) -> dict[str, Any]:
    out = place / f"night-{time.time_ns()}"
    options = ["--profile", arguments.profile, "--images", arguments.images, "--out", str(out), "--no-report"]
    command = _command("nightly", "quick", "-k", arguments.filter, *options, *more)
    done = subprocess.run(command, env=_environment(place), capture_output=True, text=True, check=False)
    path = out / "verdicts.json"
    if not path.is_file():
        sys.exit(f"the night ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    print(f"{out.name}: {document['headline']}", file=sys.stderr, flush=True)
    return document


def _row(name: str, document: dict[str, Any]) -> list[str]:
    told = [f"{one['kind']} {one['series']}: {one['sentence']}" for one in document["outcomes"]]
    return [name, str(document["exit_code"]), document["headline"], " / ".join(told)]


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "edgebench", *arguments]


def _environment(place: Path) -> dict[str, str]:
    return {**os.environ, "EDGEBENCH_STORE": str(place / "store.sqlite")}


def _plant(out: Path) -> tuple[int, float]:
    """Write the slowed net: the fewest added operators that cost 5 %; how many pairs, and the ratio that was found."""
    net = (catalog.ARTIFACTS / MODEL / "fp32.onnx").read_bytes()
    pairs, ratio = 0, 1.0
    while ratio < PLANTED:
        pairs += 1 if pairs < 8 else pairs // 8
        out.write_bytes(slowed(net, "logits", pairs))
        ratio = _ratio(_runner(net), _runner(out.read_bytes()))
    return pairs, ratio


def _runner(model: bytes) -> Callable[[], float]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    feed = {"input": np.zeros((1, 1, 32, 32), np.float32)}

    def once() -> float:
        start = time.perf_counter_ns()
        session.run(None, feed)
        return time.perf_counter_ns() - start

    return once


def _ratio(a: Callable[[], float], b: Callable[[], float]) -> float:
    """Median of b over that of a, in alternating calls."""
    times = np.array([(a(), b()) for _ in range(2000)])
    return float(np.median(times[500:, 1]) / np.median(times[500:, 0]))


if __name__ == "__main__":
    main()
