"""How often is a net called faster or slower than itself? A/A comparisons by what `edgebench compare --ab` runs.

    python tests/bench/aa.py [--model MODEL] [--n 40] [--pairs 7] [--seconds 0.15] [--out FILE.json]

At most 5 % may be called different. With --same-within 0 nothing can be called the same: the strictest test, in which
5 % are to be expected and 40 comparisons tell little; take --n 400. Some five minutes with the defaults.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
from collections import Counter
from pathlib import Path

from harness.bench.request import find_target
from harness.bench.room import Room
from harness.bench.sides import SideFinder
from harness.core.errors import EdgebenchError
from harness.core.hostfs import HostFs
from harness.measure.pairs import Duel, Side, Timing, time_process
from harness.measure.prepared import Prepared
from harness.measure.process import Failure
from harness.measure.profile import Profile, profile

sys.path.insert(0, str(Path(__file__).parent))
from _rounds import keep, warn_if_busy

ALLOWED = 0.05
HEAD = ("seed", "verdict", "ratio", "low", "high", "p", "pairs")


def main() -> None:
    """Compare, count, print."""
    arguments = _arguments()
    warn_if_busy()
    prepared = SideFinder(Room.on(find_target("auto", HostFs()))).find(arguments.model).prepared
    length = _length(arguments.seconds)
    rows = [_row(seed, _compare(prepared, length, arguments, seed)) for seed in range(arguments.n)]
    verdicts = Counter(row[1] for row in rows)
    false = verdicts["faster"] + verdicts["slower"]
    keep(arguments.out, "aa", HEAD, rows, case=prepared.case.id, verdicts=verdicts, same_within=arguments.same_within)
    told = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
    print(f"\n{told}; false 'different': {false} of {arguments.n} (allowed: {ALLOWED * arguments.n:g})")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="mobilenet_v2-0.35-32|fp32|onnxruntime-cpu")
    parser.add_argument("--n", type=int, default=40, help="comparisons")
    parser.add_argument("--pairs", type=int, default=7, help="pairs of processes at most, in each comparison")
    parser.add_argument("--seconds", type=float, default=0.15, help="timed, a process")
    parser.add_argument("--same-within", type=float, default=0.02)
    parser.add_argument("--out", type=Path, help="keep the result there as JSON")
    return parser.parse_args()


def _length(seconds: float) -> Profile:
    """The quick profile with another time in the loop."""
    quick = profile("quick")
    return dataclasses.replace(quick, loop=dataclasses.replace(quick.loop, min_ns=round(seconds * 1e9)))


def _compare(prepared: Prepared, length: Profile, arguments: argparse.Namespace, seed: int) -> Duel:
    duel = Duel.plan(arguments.pairs, arguments.same_within, seed)
    with tempfile.TemporaryDirectory() as scratch:

        def run(side: Side, number: int) -> Timing | Failure:
            return time_process(prepared, length, Path(scratch) / side, seed + number)

        for _ in duel.measure(run):
            pass
    if duel.failure is not None:
        _, failure = duel.failure
        raise EdgebenchError(f"{prepared.case.id}: {failure.verdict.reason}", failure.log)
    return duel


def _row(seed: int, duel: Duel) -> list[str]:
    found = duel.comparison
    assert found is not None, "the last planned look is after the last pair"
    print(f"{seed}: {found.verdict}", file=sys.stderr, flush=True)
    figures = [f"{value:.4f}" for value in (found.ratio, found.lo, found.hi, found.p_value)]
    return [str(seed), found.verdict, *figures, str(found.pairs)]


if __name__ == "__main__":
    main()
