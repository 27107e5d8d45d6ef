"""Judge requirements against records: pass, fail, or inconclusive with what would decide."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal
from xml.etree import ElementTree as ET

from harness.core.errors import EXIT_INCONCLUSIVE, EXIT_OK, EXIT_REGRESSION
from harness.core.metric import METRICS, Limit
from harness.core.quantity import Value
from harness.core.record import Record
from harness.store.exports.junit import clean
from reports.limits import judge_limit
from suites.requirements import Requirement

Status = Literal["fail", "inconclusive", "pass"]

STATUSES: tuple[Status, ...] = ("fail", "inconclusive", "pass")
"""Worst first."""

MOST_SAMPLES = 1000
"""More than so many times the samples is called too close to the bound."""


@dataclass(frozen=True)
class Judgement:
    """One bound on one case.

    Attributes:
        status: Whether the whole interval keeps the bound ('pass') or breaks it ('fail'), or neither.
        case: Id of the case; '' where the run has no case that the requirement selects.
        target: Name of the board.
        run: Id of the run.
        requirement: The bound as it was written.
        metric: Name of the metric.
        bound: The bound, in the unit of the metric.
        found: The figure in words, or why there is none.
        value: The figure; None without one that can be trusted.
        lo: Lower end of its interval, None without one.
        hi: Upper end of its interval.
        more_samples: How many times the samples would decide, None where that is not known or too many.
        remedy: What to do about it; '' where nothing is to be done.
    """

    status: Status
    case: str
    target: str
    run: str
    requirement: str
    metric: str
    bound: float
    found: str
    value: float | None = None
    lo: float | None = None
    hi: float | None = None
    more_samples: float | None = None
    remedy: str = ""


def judge(requirements: Iterable[Requirement], records: Sequence[Record]) -> list[Judgement]:
    """Judge every bound on every case that it selects, the worst first.

    A bound that selects no case is inconclusive: nothing that was not measured passes.

    Args:
        requirements: The requirements.
        records: The records of one or several runs.
    """
    judged: list[Judgement] = []
    for requirement in requirements:
        selected = [record for record in records if requirement.selects(record)]
        for limit in requirement.bounds:
            judged += [_judged(record, limit) for record in selected] or [_unmatched(requirement, limit)]
    return sorted(judged, key=lambda one: STATUSES.index(one.status))


def exit_code(judged: Iterable[Judgement]) -> int:
    """Return 1 where a bound is broken, 10 where one is inconclusive, else 0."""
    found = {one.status for one in judged}
    return EXIT_REGRESSION if "fail" in found else EXIT_INCONCLUSIVE if found != {"pass"} else EXIT_OK


def _judged(record: Record, limit: Limit) -> Judgement:
    judged = judge_limit(record, limit)
    quantity = record.quantity(limit.metric)
    value = quantity if judged.measured and isinstance(quantity, Value) else None
    status: Status = "inconclusive"
    if judged.exceeded is not None:
        status = "fail" if judged.exceeded else "pass"
    elif record.verdict.failed or record.verdict.status == "wrong-output":
        status = "fail"
    times = _times_the_samples(limit, value) if status == "inconclusive" and value else None
    return Judgement(
        status=status,
        case=record.case_id,
        target=record.target,
        run=record.run_id,
        requirement=limit.text,
        metric=limit.metric,
        bound=limit.value,
        found=judged.found,
        value=value.value if value else None,
        lo=value.lo if value else None,
        hi=value.hi if value else None,
        more_samples=times,
        remedy=_remedy(record, limit, value, times) if status == "inconclusive" else "",
    )


def _unmatched(requirement: Requirement, limit: Limit) -> Judgement:
    return Judgement(
        status="inconclusive",
        case="",
        target="",
        run="",
        requirement=limit.text,
        metric=limit.metric,
        bound=limit.value,
        found=f"no case is measured of: {requirement.cases}",
        remedy="measure it, or correct the requirement",
    )


def _times_the_samples(limit: Limit, value: Value) -> float | None:
    """Return how many times the samples would bring the end of the interval to the bound.

    The width of an interval falls with the square root of the number of samples; the figure itself is taken to stay.
    """
    end = value.hi if value.value <= limit.value else value.lo
    distance = abs(value.value - limit.value)
    if end is None or distance == 0:
        return None
    times = ((end - value.value) / distance) ** 2
    return round(times, 2) if times <= MOST_SAMPLES else None


def _remedy(record: Record, limit: Limit, value: Value | None, times: float | None) -> str:
    if value is None:
        return "" if record.trusts(limit.metric) else record.verdict.remedy
    if times is None:
        return "it is too close to the bound to tell"
    if METRICS[limit.metric].subject == "accuracy":
        return f"about {math.ceil(times * value.n):,} samples would decide; {value.n:,} were scored" if value.n else ""
    now = len(record.processes)
    samples = f"about {math.ceil(times * now)} processes instead of {now}" if now else f"{times:g} times the samples"
    return f"{samples} would decide: a longer --profile, or a quieter machine"


def headline(judged: Sequence[Judgement]) -> str:
    """Return the counts in a sentence."""
    counts = {status: sum(one.status == status for one in judged) for status in STATUSES}
    return f"{counts['fail']} fail, {counts['inconclusive']} inconclusive, {counts['pass']} pass"


def document(judged: Sequence[Judgement]) -> dict[str, Any]:
    """Return the judgements as plain JSON types."""
    counts: dict[str, Any] = {status: sum(one.status == status for one in judged) for status in STATUSES}
    return {"schema": 1, "kind": "edgebench-requirements", **counts, "judgements": [asdict(one) for one in judged]}


def junit(judged: Sequence[Judgement]) -> str:
    """Return a JUnit document: a broken bound is a failure, an inconclusive one is skipped, with the reason."""
    counts = {
        "tests": str(len(judged)),
        "failures": str(sum(one.status == "fail" for one in judged)),
        "skipped": str(sum(one.status == "inconclusive" for one in judged)),
        "errors": "0",
    }
    root = ET.Element("testsuites", {"name": "edgebench requirements", **counts})
    suite = ET.SubElement(root, "testsuite", {"name": "requirements", **counts})
    for one in judged:
        name = clean(f"{one.case or 'no case'}: {one.requirement}")
        case = ET.SubElement(suite, "testcase", classname=clean(f"edgebench.{one.target or 'unknown'}"), name=name)
        if one.status != "pass":
            message = clean(" - ".join(filter(None, (one.found, one.remedy))))
            ET.SubElement(case, "failure" if one.status == "fail" else "skipped", message=message)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
