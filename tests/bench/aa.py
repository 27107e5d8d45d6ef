"""How often is a net called faster or slower than itself? A/A comparisons through `edgebench compare --ab`'s own code.

    python tests/bench/aa.py [--model MODEL] [--n 40] [--profile quick] [--same-within 0.02]

At most 5 % may be called different. With --same-within 0 nothing can be called the same, every comparison runs to its
last pair, and the test is the strictest.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from harness.bench.ab import Ab, AbRequest

sys.path.insert(0, str(Path(__file__).parent))
from _rounds import print_table, warn_if_busy

ALLOWED = 0.05


def main() -> None:
    """Compare and print the count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="mobilenet_v2-0.35-32|fp32|onnxruntime-cpu")
    parser.add_argument("--n", type=int, default=40)
    parser.add_argument("--profile", default="quick")
    parser.add_argument("--same-within", type=float, default=0.02)
    parser.add_argument("--max-pairs", type=int, default=20)
    arguments = parser.parse_args()
    warn_if_busy()
    rows = [_row(number, _compare(arguments, number)) for number in range(arguments.n)]
    print_table(["seed", "verdict", "ratio", "interval", "pairs"], rows)
    verdicts = Counter(row[1] for row in rows)
    false = verdicts["faster"] + verdicts["slower"]
    told = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
    print(f"\n{told}; false 'different': {false} of {arguments.n} (allowed: {ALLOWED * arguments.n:g})")


def _compare(arguments: argparse.Namespace, seed: int) -> Ab:
    comparison = Ab(
        AbRequest(
            a=arguments.model,
            b=arguments.model,
            profile=arguments.profile,
            same_within=arguments.same_within,
            max_pairs=arguments.max_pairs,
            seed=seed,
        )
    )
    for _ in comparison.run():
        pass
    return comparison


def _row(number: int, comparison: Ab) -> list[str]:
    found = comparison.duel.comparison
    if found is None:
        return [str(number), "failed", "", "", ""]
    print(f"{number}: {found.verdict}", file=sys.stderr, flush=True)
    return [str(number), found.verdict, f"{found.ratio:.4f}", f"{found.lo:.4f} to {found.hi:.4f}", str(found.pairs)]


if __name__ == "__main__":
    main()
