"""`edgebench doctor`: check whether this machine can be trusted to measure now, and set what makes it steadier."""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import TYPE_CHECKING

from harness.core.errors import EXIT_OK, EXIT_SOME_FAILED

from ._options import add_on_option, host_of, target_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.core.hostfs import HostFs
    from harness.core.verdict import Finding
    from harness.host.tuning import AppliedChange

HELP = "check governor, turbo, load, throttling and more"
GROUP = "boards"
EXAMPLE = "edgebench doctor"

_MARK = {"ok": "ok  ", "warn": "warn", "fail": "FAIL", "unknown": "?   "}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_on_option(parser)
    parser.add_argument("--strict", action="store_true", help="exit with 4 if a check fails")
    change = parser.add_mutually_exclusive_group()
    change.add_argument("--tune", action="store_true", help="apply the settings that can be undone, until --restore")
    change.add_argument("--restore", action="store_true", help="undo what --tune or an interrupted run has set")


def run(arguments: argparse.Namespace) -> int:
    """Tune or restore if requested, then print all findings."""
    from harness.host.checks import inspect_all

    fs = host_of(arguments)
    applied = _changed(fs, arguments)
    findings = inspect_all(fs, target_of("auto", fs, arguments))
    if arguments.json:
        document = {
            "findings": [dataclasses.asdict(finding) for finding in findings],
            "applied": [dataclasses.asdict(change) for change in applied],
        }
        print(json.dumps(document, indent=2))
    else:
        print("\n".join([*map(_applied, applied), *map(_finding, findings)]))
    return EXIT_SOME_FAILED if arguments.strict and any(finding.status == "fail" for finding in findings) else EXIT_OK


def _changed(fs: HostFs, arguments: argparse.Namespace) -> Sequence[AppliedChange]:
    from harness.host.checks import changes
    from harness.host.tuning import apply, journal_path, restore

    if arguments.tune:
        return apply(fs, changes(fs), journal_path())
    return restore(fs, journal_path()) if arguments.restore else []


def _applied(change: AppliedChange) -> str:
    if change.refused:
        return f"not set  {change.name}: {change.refused}"
    return f"set      {change.name}: {change.before} -> {change.after}"


def _finding(finding: Finding) -> str:
    line = f"{_MARK[finding.status]}  {finding.check:<16} {finding.found}"
    return f"{line}\n{'':<23}-> {finding.remedy}" if finding.remedy else line
