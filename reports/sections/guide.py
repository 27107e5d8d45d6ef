"""How to read the report: verdicts, and a glossary generated from the metrics."""

from __future__ import annotations

from markupsafe import Markup

from harness.core.metric import METRICS
from harness.core.verdict import Status, left
from reports.data import ReportData
from reports.section import Section, Template

_TEMPLATE = Template.beside(__file__)

VERDICTS: dict[Status, str] = {
    "precise": "The interval is as narrow as the profile requires, within this run; the reason says what it is on this "
    "machine, where earlier runs tell how far its runs differ.",
    "imprecise": "The interval is wider than the profile requires, or something forbids to call it precise: the reason "
    "says what.",
    "untimed": "Too few inferences to measure latency: the profile smoke only shows that a case runs.",
    "wrong-output": "Its outputs are not those of the model, so its speed does not count.",
    "mistimed": "Work of an inference is outside of what was timed, or its outputs were remembered.",
    "contended": "Another program used the core while the case ran.",
    "no-steady-state": "Latency never settled, so no single number describes it.",
    "drifted": "The speed of the machine changed while the case ran.",
    "throttled": "Heat or the power supply limited the clock.",
    "emulated": "The processor is emulated, so times mean nothing.",
    "crashed": "The process ended without a result.",
    "timeout": "The process did not finish in time.",
    "out-of-memory": "The process was killed because memory ran out, or an allocation failed.",
    "unsupported": "The runtime or the target cannot run this case.",
}


def render(data: ReportData) -> Markup:
    """Render the glossary."""
    verdicts = [(status, f"{about} {_reliable(status)}") for status, about in VERDICTS.items()]
    return _TEMPLATE.render(metrics=METRICS.values(), verdicts=verdicts, data=data)


def _reliable(status: Status) -> str:
    """Return what of a case with this verdict can be relied on, in a sentence."""
    if status == "precise":
        return "All figures can be relied on."
    if status == "imprecise":
        return "Times are to be used with caution, all other figures can be relied on."
    return f"What can be relied on: {left(status)}."


PLUGINS: tuple[Section, ...] = (Section("guide", "How to read this report", 150, render),)
