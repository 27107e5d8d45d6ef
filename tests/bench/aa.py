"""How often is a net called faster or slower than itself? A/A comparisons by what `edgebench ab` runs.

    python tests/bench/aa.py [--model MODEL] [--n 40] [--pairs 7] [--seconds 0.15] [--out FILE.json]

At most 5 % may be called different. With --out every comparison is kept as it ends, and the same command goes on after
the last one that is there. With --same-within 0 nothing can be called the same: the strictest test, in which
5 % are to be expected and 40 comparisons tell little; take --n 400. Some five minutes with the defaults.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from harness.core.errors import EdgebenchError
from harness.core.hostfs import HostFs
from harness.host.resource_limits import ResourceLimits
from harness.measure.ab import PairedComparison, ProcessTiming, Side, time_process
from harness.measure.passes.worker_process import WorkerFailure
from harness.measure.prepared import PreparedCase
from harness.measure.presets import Profile, profile
from harness.runs.plan import find_target
from harness.runs.variants import VariantResolver

sys.path.insert(0, str(Path(__file__).parent))
from _rounds import print_table, warn_if_busy, write

ALLOWED = 0.05
HEAD = ("seed", "verdict", "ratio", "low", "high", "p", "pairs")


def main() -> None:
    """Compare, count, print."""
    arguments = _arguments()
    warn_if_busy()
    prepared = VariantResolver(ResourceLimits.on(find_target("auto", HostFs()))).resolve(arguments.model).prepared
    length = _length(arguments.seconds)
    asked = {
        "case": prepared.case.id,
        **{name: getattr(arguments, name) for name in ("pairs", "seconds", "same_within")},
    }
    rows = _done(arguments.out, asked)[: arguments.n]
    for seed in range(len(rows), arguments.n):
        rows.append(_row(seed, _compare(prepared, length, arguments, seed)))
        if arguments.out is not None:
            write(arguments.out, "aa", HEAD, rows, asked=asked)
    print_table(HEAD, rows)
    verdicts = Counter(row[1] for row in rows)
    false = verdicts["faster"] + verdicts["slower"]
    told = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
    print(f"\n{told}; false 'different': {false} of {arguments.n} (allowed: {ALLOWED * arguments.n:g})")


def _done(out: Path | None, asked: dict[str, Any]) -> list[list[str]]:
    """The comparisons that are in the file already; EdgebenchError where they are of something else."""
    if out is None or not out.exists():
        return []
    document = json.loads(out.read_text(encoding="utf-8"))
    if document["asked"] != asked:
        raise EdgebenchError(
            f"{out} holds comparisons of {document['asked']}", "give another --out, or the same options"
        )
    return [[row[name] for name in HEAD] for row in document["rows"]]


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


def _compare(prepared: PreparedCase, length: Profile, arguments: argparse.Namespace, seed: int) -> PairedComparison:
    duel = PairedComparison.plan(arguments.pairs, arguments.same_within, seed)
    with tempfile.TemporaryDirectory() as scratch:

        def run(side: Side, number: int) -> ProcessTiming | WorkerFailure:
            return time_process(prepared, length, Path(scratch) / side, seed + number)

        for _ in duel.measure(run):
            pass
    if duel.failure is not None:
        _, failure = duel.failure
        raise EdgebenchError(f"{prepared.case.id}: {failure.verdict.reason}", failure.log)
    return duel


def _row(seed: int, duel: PairedComparison) -> list[str]:
    found = duel.comparison
    assert found is not None, "the last planned look is after the last pair"
    print(f"{seed}: {found.verdict}", file=sys.stderr, flush=True)
    figures = [f"{value:.4f}" for value in (found.ratio, found.lo, found.hi, found.p_value)]
    return [str(seed), found.verdict, *figures, str(found.pairs)]


if __name__ == "__main__":
    main()
