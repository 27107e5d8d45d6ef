"""`edgebench explain`: why is a case as slow as it is?"""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import TYPE_CHECKING

from harness.core.errors import EXIT_OK, EXIT_SOME_FAILED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.core.quantity import Missing
    from harness.core.record import Record, RunHeader
    from harness.core.roofline import Roofline
    from harness.diagnosis import Explanation, Situation

    Told = Sequence[tuple[Record, Sequence[Explanation]]]

HELP = "explain why cases are slow, with evidence and remedy"
GROUP = "look"
EXAMPLE = "edgebench explain runs/before"

_SIGN = {"error": "ERROR", "warn": "warn ", "info": "info "}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("run_folder", metavar="RUN", help="run folder")
    parser.add_argument("case", nargs="*", metavar="CASE", help="only cases whose id has all of these texts")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--strict", action="store_true", help="exit with 4 when a figure cannot be right")


def run(arguments: argparse.Namespace) -> int:
    """Explain every case asked for."""
    from harness.core.errors import UsageError
    from harness.diagnosis import explain

    from ._output import open_run

    folder = open_run(arguments.run_folder)
    header, records = folder.header(), folder.records()
    chosen = [each for each in records if all(text in each.case_id for text in arguments.case)]
    if not chosen:
        known = "\n  ".join(each.case_id for each in records)
        raise UsageError(f"no case of {arguments.run_folder} has {arguments.case}", f"its cases:\n  {known}")
    situations = [situation(each, records, header) for each in chosen]
    told = [(each.record, explain(each)) for each in situations]
    print(_json(told) if arguments.json else "\n".join(_lines(told)))
    wrong = any(each.severity == "error" for _, explanations in told for each in explanations)
    return EXIT_SOME_FAILED if arguments.strict and wrong else EXIT_OK


def situation(record: Record, others: Sequence[Record], header: RunHeader) -> Situation:
    """A record with all that the rules look at beside it."""
    from harness.diagnosis import Situation
    from targets.published import lookup

    case = record.case
    published = lookup(case.model, case.compression, record.target)
    return Situation(record, others, header.host, _roofline(header), published)


def _roofline(header: RunHeader) -> Roofline | Missing:
    """The run's own roofline; where it has none, this machine's, if that is the one the run was on."""
    from harness.core.hostfs import HostFs
    from harness.core.quantity import Missing
    from harness.host.identity import identity
    from harness.host.roofline import cached

    if not isinstance(header.roofline, Missing):
        return header.roofline
    here = identity(HostFs())
    return cached(here) if header.host.get("machine_id") == here.machine_id else header.roofline


def _lines(told: Told) -> Iterator[str]:
    for record, explanations in told:
        yield f"{record.case_id}  [{record.verdict.status}]"
        for each in explanations:
            yield f"  {_SIGN[each.severity]} {each.conclusion}"
            yield f"        seen: {each.evidence}"
            if each.remedy:
                yield f"        do:   {each.remedy}"
        if not explanations:
            yield "  nothing to remark"


def _json(told: Told) -> str:
    return json.dumps(
        [
            {"case": record.case_id, "explanations": [dataclasses.asdict(each) for each in explanations]}
            for record, explanations in told
        ],
        indent=1,
        ensure_ascii=False,
    )
