"""`edgebench compare --ab`: options, progress and exit code."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import EXIT_INTERRUPTED, EXIT_NOTHING_MEASURED, EXIT_OK, EXIT_SOME_FAILED, UsageError

from ._options import mebibytes, positive, shape

if TYPE_CHECKING:
    from harness.runs.ab import AbSession

_REQUEST = (
    *("runtime_a", "runtime_b", "threads", "shapes", "profile", "same_within", "max_pairs", "timeout_s"),
    *("memory_bytes", "seed"),
)
_OUTPUT = ("out", "json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare `--ab` and its options; those not given are absent, so that defaults stand in one place, AbRequest."""
    parser.add_argument(
        "--ab", action="store_true", help="measure now: A and B are model files, or model|compression|runtime"
    )
    group = parser.add_argument_group("with --ab", argument_default=argparse.SUPPRESS)
    group.add_argument("--runtime-a", metavar="NAME", help="runtime of A, where its name says none")
    group.add_argument("--runtime-b", metavar="NAME", help="runtime of B")
    group.add_argument("--threads", type=positive, metavar="N", help="intra-op threads of both (default: 1)")
    group.add_argument(
        *("--shape",), action="append", dest="shapes", type=shape, metavar="NAME=1x3x224x224", help="of a dynamic input"
    )
    group.add_argument("--profile", help="how long each process runs: quick (default), standard, full")
    group.add_argument("--same-within", type=float, metavar="SHARE", help="called the same (default: 0.02, i.e. 2 %%)")
    group.add_argument("--max-pairs", type=positive, metavar="N", help="pairs of processes at most (default: 20)")
    group.add_argument("--timeout", type=float, dest="timeout_s", metavar="SECONDS", help="a longer process is killed")
    group.add_argument(
        *("--memory-limit",), type=mebibytes, dest="memory_bytes", metavar="MIB", help="one that holds more is killed"
    )
    group.add_argument("--seed", type=int, help="seed of order and synthetic inputs (default: 0)")
    group.add_argument("--out", type=Path, metavar="FILE", help="save the result with its raw medians as JSON")
    group.add_argument("--json", action="store_true", help="print that JSON")


def refuse_options(arguments: argparse.Namespace) -> None:
    """UsageError for an option that only `--ab` understands: ignored, it would mislead."""
    given = [name for name in (*_REQUEST, *_OUTPUT) if hasattr(arguments, name)]
    if given:
        raise UsageError(f"{', '.join(given)}: only together with --ab", "see edgebench compare --help")


def run(arguments: argparse.Namespace) -> int:
    """Measure in pairs, print the outcome, save it; the exit code."""
    from harness.runs.ab import AbConfig, AbSession

    out: Path | None = getattr(arguments, "out", None)
    if out is not None and not out.parent.is_dir():
        raise UsageError(f"no such folder: {out.parent}", "the result could not be saved")
    given: dict[str, Any] = {name: getattr(arguments, name) for name in _REQUEST if hasattr(arguments, name)}
    given["shapes"] = dict(given.get("shapes", ()))
    comparison = AbSession(AbConfig(arguments.before, arguments.after, **given))
    interrupted = _measure(comparison)
    _conclude(comparison, interrupted, out, as_json=hasattr(arguments, "json"))
    return EXIT_INTERRUPTED if interrupted else _exit_code(comparison)


def _measure(comparison: AbSession) -> bool:
    """Run to the end, counting pairs on a terminal; True when interrupted."""
    show = sys.stderr.isatty()
    try:
        for done in comparison.run():
            if show:
                print(f"\rpair {done} of at most {comparison.request.max_pairs}", end="", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        return True
    finally:
        if show:
            print("\r\033[K", end="", file=sys.stderr)
    return False


def _conclude(comparison: AbSession, interrupted: bool, out: Path | None, as_json: bool) -> None:
    from harness.core.files import write_whole

    text = json.dumps(comparison.document(interrupted), indent=2)
    if out is not None:
        write_whole(out, text.encode())
    if as_json:
        print(text)
        return
    outcome, *doubts = comparison.words
    print("\n".join([outcome, *(f"warning: {doubt}" for doubt in doubts)]))


def _exit_code(comparison: AbSession) -> int:
    if comparison.duel.failure is None:
        return EXIT_OK
    return EXIT_SOME_FAILED if comparison.duel.comparison else EXIT_NOTHING_MEASURED
