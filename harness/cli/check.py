"""`edgebench check`: judge runs against requirements."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.core.record import Record
    from harness.runs.requirements import Judgement
    from suites.requirements import Requirement

HELP = "judge runs against requirements: pass, fail or inconclusive"
GROUP = "look"
EXAMPLE = "edgebench check requirements.toml runs/today"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="requirements, as TOML")
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run folder")
    out = parser.add_mutually_exclusive_group()
    out.add_argument("--json", action="store_true", help="print JSON")
    out.add_argument("--junit", action="store_true", help="print JUnit XML")


def run(arguments: argparse.Namespace) -> int:
    """Print the judgements; return 1 where a bound is broken, 10 where one is inconclusive."""
    from harness.runs.requirements import document, exit_code, junit
    from suites.requirements import load

    from ._output import open_run

    requirements = load(arguments.file)
    judged = judge_records(requirements, [record for path in arguments.runs for record in open_run(path).records()])
    if arguments.json:
        print(json.dumps(document(judged), indent=1, allow_nan=False))
    elif arguments.junit:
        print(junit(judged), end="")
    else:
        show(judged)
    return exit_code(judged)


def judge_records(requirements: Sequence[Requirement], records: Sequence[Record]) -> list[Judgement]:
    """Return the judgements of all bounds.

    Raises:
        NothingMeasured: There is no record.
    """
    from harness.core.errors import NothingMeasured
    from harness.runs.requirements import judge

    if not records:
        raise NothingMeasured("no case was measured, so that nothing can be judged", "measure first: edgebench run")
    return judge(requirements, records)


def show(judged: Sequence[Judgement], file: TextIO | None = None) -> None:
    """Print a line for each judgement, and the remedy where there is one."""
    from harness.runs.requirements import headline
    from reports.text import clean

    signs = {"fail": "x", "inconclusive": "?", "pass": "+"}
    boards = len({one.target for one in judged if one.target}) > 1
    for one in judged:
        board = f" on {one.target}" if boards and one.target else ""
        case = f"{one.case.replace('|', ' · ')}{board}" if one.case else ""
        print(clean(f"{signs[one.status]} {one.status:<12} {one.requirement}: {one.found}"), file=file)
        for text in (case, one.remedy and f"-> {one.remedy}"):
            if text:
                print(clean(f"    {text}"), file=file)
    print(headline(judged), file=file)
