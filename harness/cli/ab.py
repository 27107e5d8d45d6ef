"""`edgebench ab`: compare two models in randomised pairs of processes until the result is decided."""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import EXIT_INTERRUPTED, EXIT_NOTHING_MEASURED, EXIT_OK, EXIT_SOME_FAILED, UsageError

from ._options import add_wait_for_quiet, mebibytes, number, positive, positive_number, shape
from ._terminal import show_status

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.runs.ab import AbSession

HELP = "compare two models side by side until it is decided"
GROUP = "measure"
EXAMPLE = "edgebench ab old.onnx new.onnx"

_CONFIG = (
    *("runtime_a", "runtime_b", "threads", "shapes", "signature", "profile", "same_within", "max_pairs", "timeout_s"),
    *("memory_bytes", "seed"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments. An option that is not given is absent: only AbConfig has defaults."""
    parser.add_argument("a", metavar="A", help="model file, or a shipped model as MODEL|COMPRESSION|RUNTIME")
    parser.add_argument("b", metavar="B", help="the model to compare with A")
    options = parser.add_argument_group("options", argument_default=argparse.SUPPRESS)
    options.add_argument("--runtime-a", metavar="NAME", help="runtime of A, if A names none")
    options.add_argument("--runtime-b", metavar="NAME", help="runtime of B, if B names none")
    options.add_argument("--threads", type=positive, metavar="N", help="intra-op threads of both (default: 1)")
    options.add_argument(
        *("--shape",), action="append", dest="shapes", type=shape, metavar="NAME=1x3x224x224",
        help="shape of a dynamic input; repeatable",
    )  # fmt: skip
    options.add_argument("--signature", metavar="NAME", help="entry point of both files (default: the primary one)")
    options.add_argument("--profile", metavar="NAME", help="length of each process: quick (default), standard or full")
    options.add_argument(
        *("--same-within",), type=number, metavar="SHARE",
        help="relative difference that counts as the same (default: 0.02)",
    )  # fmt: skip
    options.add_argument(
        "--max-pairs", type=positive, metavar="N", help="largest number of pairs of processes (default: 20)"
    )
    options.add_argument(
        *("--timeout",),
        type=positive_number,
        dest="timeout_s",
        metavar="SECONDS",
        help="kill a process that takes longer",
    )
    options.add_argument(
        *("--memory-limit",), type=mebibytes, dest="memory_bytes", metavar="MIB", help="kill a process that uses more"
    )
    add_wait_for_quiet(options)
    options.add_argument("--seed", type=int, metavar="N", help="seed of the order and of synthetic inputs (default: 0)")
    options.add_argument("--out", type=Path, metavar="FILE", help="save the result with its raw medians as JSON")
    options.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Measure in pairs, print and save the outcome; return the exit code."""
    comparison = session_of(arguments, partial(print, file=sys.stderr, flush=True))
    interrupted = measured(comparison, show=sys.stderr.isatty())
    _print(comparison, interrupted, as_json=hasattr(arguments, "json"))
    save(comparison, interrupted, arguments)  # last: where it cannot be written, the result is on the terminal
    return EXIT_INTERRUPTED if interrupted else _exit_code(comparison)


def session_of(arguments: argparse.Namespace, notify: Callable[[str], None]) -> AbSession:
    """Return the comparison that the arguments describe, with the machine as quiet as they ask for.

    Args:
        arguments: The command's arguments.
        notify: Called with each warning about the machine.

    Raises:
        UsageError: There is nothing to compare, or no folder to save the result in.
    """
    from harness.runs.ab import AbConfig, AbSession

    out: Path | None = getattr(arguments, "out", None)
    if out is not None and not out.parent.is_dir():
        raise UsageError(f"no such folder: {out.parent}", "the result could not be saved")
    given: dict[str, Any] = {name: getattr(arguments, name) for name in _CONFIG if hasattr(arguments, name)}
    given["shapes"] = dict(given.get("shapes", ()))
    comparison = AbSession(AbConfig(arguments.a, arguments.b, **given))
    _tell_load(getattr(arguments, "wait_for_quiet", None), notify)
    return comparison


def _tell_load(wait_s: float | None, notify: Callable[[str], None]) -> None:
    """Wait for a quiet machine, if that was asked for, and print the load that is there nevertheless."""
    from harness.core.hostfs import HostFs
    from harness.host.checks.system import inspect_load
    from harness.host.quiet import wait_until_quiet
    from harness.runs.session import warnings_of

    fs = HostFs()
    if wait_s is not None:
        wait_until_quiet(fs, wait_s, notify)
    for warning in warnings_of([inspect_load(fs)]):
        notify(warning)


def measured(comparison: AbSession, show: bool) -> bool:
    """Run to the end, counting pairs on standard error if `show`; return whether the user interrupted."""
    try:
        for done in comparison.run():
            if show:
                show_status(f"pair {done} of at most {comparison.config.max_pairs}")
    except KeyboardInterrupt:
        return True
    finally:
        if show:
            show_status("")
    return False


def _print(comparison: AbSession, interrupted: bool, as_json: bool) -> None:
    if as_json:
        print(_text(comparison, interrupted))
    else:
        outcome, *doubts = comparison.words
        print("\n".join([outcome, *(f"warning: {doubt}" for doubt in doubts)]))


def save(comparison: AbSession, interrupted: bool, arguments: argparse.Namespace) -> None:
    """Write the result to the file of `--out`, if one was given."""
    from harness.core.files import write_atomic

    if hasattr(arguments, "out"):
        write_atomic(arguments.out, _text(comparison, interrupted).encode())


def _text(comparison: AbSession, interrupted: bool) -> str:
    return json.dumps(comparison.document(interrupted), indent=2)


def _exit_code(comparison: AbSession) -> int:
    if comparison.measured.failure is None:
        return EXIT_OK
    return EXIT_SOME_FAILED if comparison.measured.comparison else EXIT_NOTHING_MEASURED
