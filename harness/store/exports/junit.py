"""JUnit XML: one test case per case, with its figures as properties.

A case that failed is an error. One that this machine cannot run, or whose times cannot be trusted, is skipped. Both
have the reason. Only figures that can be trusted are properties.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from harness.core.metric import METRICS
from harness.core.printable import UNPRINTABLE, without_sequences
from harness.core.record import Record
from harness.core.verdict import TIMED

from . import Export, Exported


def render(run: Exported) -> str:
    """Return the document."""
    errors = sum(record.verdict.failed for record in run.records)
    skipped = sum(not record.verdict.failed and not record.trusts(TIMED) for record in run.records)
    counts = {"tests": str(len(run.records)), "errors": str(errors), "skipped": str(skipped), "failures": "0"}
    time_s = f"{sum(record.duration_s for record in run.records):.3f}"
    about = {"timestamp": run.header.started_utc[:19], "hostname": clean(run.header.target), "time": time_s}
    root = ET.Element("testsuites", {"name": "edgebench", "time": time_s, **counts})
    suite = ET.SubElement(root, "testsuite", {"name": clean(run.header.suite), **about, **counts})
    for record in run.records:
        _case(suite, record)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def clean(text: str) -> str:
    """Remove terminal sequences, and replace what XML 1.0 cannot hold, even escaped, or what turns text around."""
    return UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", without_sequences(text).replace("\r\n", "\n"))


def _case(suite: ET.Element, record: Record) -> None:
    case = ET.SubElement(
        suite, "testcase", classname=clean(f"edgebench.{record.case.model}"), name=clean(record.case_id),
        time=f"{record.duration_s:.3f}",
    )  # fmt: skip
    properties = ET.SubElement(case, "properties")
    for name in METRICS:
        value = record.trusted_value(name)
        if value is not None:
            ET.SubElement(properties, "property", name=name, value=repr(value))
    ET.SubElement(properties, "property", name="verdict", value=record.verdict.status)
    message = clean(f"{record.verdict.status}: {record.verdict.reason}")
    if record.verdict.failed:
        ET.SubElement(case, "error", type=record.verdict.status, message=message).text = clean(record.log)
    elif not record.trusts(TIMED):
        ET.SubElement(case, "skipped", message=message)


PLUGINS: tuple[Export, ...] = (Export("junit", render),)
