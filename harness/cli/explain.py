"""`edgebench explain`: explain why a case is slow, with evidence and a remedy."""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import TYPE_CHECKING

from harness.core.errors import EXIT_OK, EXIT_SOME_FAILED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.core.hardware.roofline import Roofline
    from harness.core.quantity import Missing
    from harness.core.record import Record, RunHeader
    from harness.diagnosis import Explanation, Situation

    Explained = Sequence[tuple[Record, Sequence[Explanation]]]

HELP = "explain why cases are slow, with evidence and remedy"
GROUP = "look"
EXAMPLE = "edgebench explain runs/before"

_SIGN = {"error": "ERROR", "warn": "warn ", "info": "info "}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("run_folder", metavar="RUN", help="run folder")
    parser.add_argument("case", nargs="*", metavar="CASE", help="only cases whose id contains all of these texts")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--strict", action="store_true", help="exit with 4 if a figure cannot be right")


def run(arguments: argparse.Namespace) -> int:
    """Explain the selected cases."""
    from harness.core.errors import UsageError
    from harness.diagnosis import explain

    from ._output import open_run

    folder = open_run(arguments.run_folder)
    header, records = folder.header(), folder.records()
    selected = [record for record in records if all(text in record.case_id for text in arguments.case)]
    if not selected:
        known = "\n  ".join(record.case_id for record in records)
        texts = " and ".join(f"'{text}'" for text in arguments.case)
        raise UsageError(f"no case id of {arguments.run_folder} contains {texts}", f"its cases:\n  {known}")
    explained = [(record, explain(situation(record, records, header))) for record in selected]
    print(_json(explained) if arguments.json else "\n".join(_lines(explained)))
    wrong = any(item.severity == "error" for _, explanations in explained for item in explanations)
    return EXIT_SOME_FAILED if arguments.strict and wrong else EXIT_OK


def situation(record: Record, others: Sequence[Record], header: RunHeader) -> Situation:
    """Return a record with everything else that the rules look at."""
    from harness.diagnosis import Situation
    from targets.published import lookup

    case = record.case
    published = lookup(case.model, case.compression, record.target)
    return Situation(record, others, header.host, _roofline(header), published)


def _roofline(header: RunHeader) -> Roofline | Missing:
    """Return the run's roofline; if it has none and was measured on this machine, this machine's."""
    from harness.core.hostfs import HostFs
    from harness.core.quantity import Missing
    from harness.host.identity import identity
    from harness.host.roofline import cached

    if not isinstance(header.roofline, Missing):
        return header.roofline
    here = identity(HostFs())
    return cached(here) if header.host.get("machine_id") == here.machine_id else header.roofline


def _lines(explained: Explained) -> Iterator[str]:
    for record, explanations in explained:
        yield f"{record.case_id}  [{record.verdict.status}]"
        for item in explanations:
            yield f"  {_SIGN[item.severity]} {item.conclusion}"
            yield f"        evidence: {item.evidence}"
            if item.remedy:
                yield f"        remedy:   {item.remedy}"
        if not explanations:
            yield "  no findings"


def _json(explained: Explained) -> str:
    return json.dumps(
        [
            {"case": record.case_id, "explanations": [dataclasses.asdict(item) for item in explanations]}
            for record, explanations in explained
        ],
        indent=1,
    )
