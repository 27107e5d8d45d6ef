"""`edgebench doctor`: may this machine be trusted to measure now, and what would make it steadier?"""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import TYPE_CHECKING

from harness.core.errors import EXIT_OK, EXIT_SOME_FAILED

from ._options import host_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.core.hostfs import HostFs
    from harness.core.verdict import Finding
    from harness.host.tuning import AppliedChange

HELP = "check governor, turbo, load, throttling and the like"
GROUP = "boards"
EXAMPLE = "edgebench doctor"

_MARK = {"ok": "ok  ", "warn": "warn", "fail": "FAIL", "unknown": "?   "}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--strict", action="store_true", help="exit with 4 when a check fails")
    change = parser.add_mutually_exclusive_group()
    change.add_argument("--tune", action="store_true", help="set what can be set and undone; stays until --restore")
    change.add_argument("--restore", action="store_true", help="put back what --tune or a killed run has set")


def run(arguments: argparse.Namespace) -> int:
    """Tune or restore where asked, then print every finding."""
    from harness.host.checks import inspect_all

    fs = host_of(arguments)
    applied = _changed(fs, arguments)
    findings = inspect_all(fs)
    if arguments.json:
        found = [dataclasses.asdict(each) for each in findings]
        print(json.dumps({"findings": found, "applied": [dataclasses.asdict(each) for each in applied]}, indent=2))
    else:
        print("\n".join([*map(_applied, applied), *map(_finding, findings)]))
    return EXIT_SOME_FAILED if arguments.strict and any(each.status == "fail" for each in findings) else EXIT_OK


def _changed(fs: HostFs, arguments: argparse.Namespace) -> Sequence[AppliedChange]:
    from harness.host.checks import changes
    from harness.host.tuning import apply, journal_path, restore

    if arguments.tune:
        return apply(fs, changes(fs), journal_path())
    return restore(fs, journal_path()) if arguments.restore else []


def _applied(each: AppliedChange) -> str:
    if each.refused:
        return f"not set  {each.name}: {each.refused}"
    return f"set      {each.name}: {each.before} -> {each.after}"


def _finding(each: Finding) -> str:
    line = f"{_MARK[each.status]}  {each.check:<16} {each.found}"
    return f"{line}\n{'':<23}-> {each.remedy}" if each.remedy else line
