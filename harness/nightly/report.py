"""The documents of a night: JSON, Markdown for a CI step, JUnit for CI servers, Atom for feed readers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from xml.etree import ElementTree as Xml

from harness.core.printable import markdown_text, one_line, printable
from harness.core.record import Record, RunHeader
from harness.core.verdict import trust_counts
from harness.stats.nightly.screening import MIN_BASELINE
from reports.numbers import counted

from .outcome import Kind, Outcome, by_severity, exit_code, of_case

SCHEMA = 1


@dataclass(frozen=True)
class NightlyReport:
    """The result of one night.

    Attributes:
        header: Header of the run.
        outcomes: The outcomes, in any order.
        records: Records of the run.
        slow_pass: Whether slow changes were looked for tonight, as in every seventh night.
        sequence: The run's sequence number in the store.
        not_judged: Number of the night, tonight included, of each case whose history is too short to judge it.

    """

    header: RunHeader
    outcomes: Sequence[Outcome]
    records: Sequence[Record]
    slow_pass: bool = False
    sequence: int = 0
    not_judged: Mapping[str, int] = field(default_factory=dict)

    @property
    def headline(self) -> str:
        """The counts of outcomes, such as '2 regressions, 1 inconclusive', or 'nothing to report'.

        A night of which nothing or not all was judged says so: 'night 1 of 5: not judged yet'.
        """
        kinds = [outcome.kind for outcome in by_severity(self.outcomes) if outcome.kind != "transient"]
        counts = [f"{kinds.count(kind)} {_plural(kind, kinds.count(kind))}" for kind in dict.fromkeys(kinds)]
        measured = sum(record.value("n_inferences") is not None for record in self.records)
        if not self.not_judged:
            return ", ".join(counts) or "nothing to report"
        if len(self.not_judged) >= measured:
            first = f"night {max(self.not_judged.values())} of {MIN_BASELINE}: not judged yet"
            return "; ".join(filter(None, (", ".join(counts), first)))
        some = f"{len(self.not_judged)} of {counted(measured, 'case')} not judged yet"
        return f"{', '.join(counts) or 'nothing to report'}; {some}"

    def document(self) -> dict[str, Any]:
        """Return the whole report in plain JSON types."""
        return {
            "schema": SCHEMA,
            "kind": "edgebench-nightly",
            "run_id": self.header.run_id,
            "suite": self.header.suite,
            "target": self.header.target,
            "started_utc": self.header.started_utc,
            "ended_utc": self.header.ended_utc,
            "headline": self.headline,
            "exit_code": exit_code(self.outcomes),
            "slow_pass": self.slow_pass,
            "outcomes": [{**asdict(outcome), "series": outcome.series} for outcome in by_severity(self.outcomes)],
            "unit": self.header.unit,
            "sequence": self.sequence,
            "not_judged": dict(self.not_judged),
        }


def _plural(kind: Kind, count: int) -> str:
    ends = kind in ("regression", "improvement", "environment") and count != 1
    return {"environment": "environment change"}.get(kind, kind) + "s" * ends


def markdown(report: NightlyReport) -> str:
    """Return the summary for a CI step: the headline, and each outcome with its command."""
    header = report.header
    measured = sum(record.value("n_inferences") is not None for record in report.records)
    lines = [
        f"## edgebench nightly: {markdown_text(header.suite)} on {markdown_text(header.target)}",
        "",
        f"**{report.headline}**; {measured} of {len(report.records)} cases measured, {header.started_utc[:16]} UTC",
        "",
        f"Times: {trust_counts(record.verdict.status for record in report.records)}",
        "",
    ]
    for outcome in by_severity(report.outcomes):
        lines.append(f"- **{outcome.kind}** {markdown_text(outcome.series)}: {markdown_text(outcome.sentence)}")
        lines += [f"  `{one_line(outcome.command).replace('`', '')}`"] if outcome.command else []
    return "\n".join(lines) + "\n"


_ATOM = "http://www.w3.org/2005/Atom"
_TAGS: dict[Kind, str] = {
    "regression": "failure",
    "infrastructure": "error",
    "environment": "skipped",
    "inconclusive": "skipped",
}
"""The result element of a JUnit test by kind of outcome; all others go to system-out."""


def junit(report: NightlyReport) -> bytes:
    """Return JUnit XML with one test per case: failure for a regression, error for infrastructure, else skipped."""
    suite = Xml.Element(
        "testsuite", name=f"edgebench nightly {report.header.suite}", timestamp=report.header.started_utc
    )
    tests = [_test(suite, record, of_case(report.outcomes, record.case_id)) for record in report.records]
    machine = [outcome for outcome in of_case(report.outcomes, "") if outcome.kind != "transient"]
    if machine:
        case = Xml.SubElement(suite, "testcase", name="machine", classname=report.header.target)
        _results(case, machine)
        tests.append(case)
    suite.set("tests", str(len(tests)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(test.find(tag) is not None for test in tests)))
    return _xml(suite)


def _test(suite: Xml.Element, record: Record, outcomes: Sequence[Outcome]) -> Xml.Element:
    case = Xml.SubElement(
        suite, "testcase", name=printable(record.case_id), classname=record.target, time=f"{record.duration_s:.3f}"
    )
    properties = Xml.SubElement(case, "properties")
    for name in record.metrics:
        value = record.trusted_value(name)
        if value is not None:
            Xml.SubElement(properties, "property", name=name, value=repr(value))
    if record.verdict.status == "unsupported" and not outcomes:
        Xml.SubElement(case, "skipped", message=printable(record.verdict.reason))
    _results(case, outcomes)
    return case


def _results(case: Xml.Element, outcomes: Sequence[Outcome]) -> None:
    """Write the result of a test: all outcomes of the most severe kind; the others go to system-out."""
    first = next((outcome.kind for outcome in outcomes if outcome.kind in _TAGS), None)
    severest = [outcome for outcome in outcomes if outcome.kind == first]
    if first:
        text = printable(
            "\n".join(f"{outcome.metric} {outcome.sentence}\n{outcome.command}".strip() for outcome in severest)
        )
        result = Xml.SubElement(case, _TAGS[first], message=text.split("\n")[0])
        result.text = text
        if _TAGS[first] != "skipped":
            result.set("type", first)
    others = [f"{outcome.kind}: {outcome.metric} {outcome.sentence}" for outcome in outcomes if outcome not in severest]
    if others:
        Xml.SubElement(case, "system-out").text = printable("\n".join(others))


def atom(nights: Sequence[dict[str, Any]]) -> bytes:
    """Return an Atom feed with one entry per night; `nights` are documents, newest first."""
    first = nights[0]
    feed = Xml.Element("feed", xmlns=_ATOM)
    unit = first.get("unit", "")
    _leaf(feed, "title", f"edgebench nightly: {first['suite']} on {first['target']}{f' ({unit})' if unit else ''}")
    identity = ":".join(["urn:edgebench:nightly", first["suite"], first["target"], *filter(None, [unit])])
    _leaf(feed, "id", identity.replace(" ", "-"))
    _leaf(feed, "updated", first["started_utc"])
    _leaf(Xml.SubElement(feed, "author"), "name", "edgebench")
    for night in nights:
        entry = Xml.SubElement(feed, "entry")
        _leaf(entry, "title", f"{night['started_utc'][:10]}: {night['headline']}")
        _leaf(entry, "id", f"urn:edgebench:run:{night['run_id']}")
        _leaf(entry, "updated", night["started_utc"])
        lines = [f"{item['kind']}: {item['series']}: {item['sentence']}" for item in night["outcomes"]]
        _leaf(entry, "content", "\n".join(lines) or night["headline"]).set("type", "text")
    return _xml(feed)


def _leaf(parent: Xml.Element, tag: str, text: str) -> Xml.Element:
    leaf = Xml.SubElement(parent, tag)
    leaf.text = printable(text)
    return leaf


def _xml(root: Xml.Element) -> bytes:
    Xml.indent(root)
    return bytes(Xml.tostring(root, encoding="utf-8", xml_declaration=True))
