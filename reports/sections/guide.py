"""How to read it: verdicts and a glossary generated from the metrics themselves."""

from __future__ import annotations

from markupsafe import Markup

from harness.core.metric import METRICS
from harness.core.verdict import TRUSTED, Status
from reports.data import ReportData
from reports.section import Section, Template

_TEMPLATE = Template.beside(__file__)

VERDICTS: dict[Status, str] = {
    "precise": "The interval is as narrow as the profile asks.",
    "imprecise": "Measured soundly, but the time ran out before the interval was as narrow as the profile asks.",
    "wrong-output": "Its answers are not those of the net: however fast, it does not count.",
    "contended": "Another program held the core while the case ran.",
    "no-steady-state": "Latency never settled, so there is no one number for it.",
    "drifted": "The machine's own speed changed while the case ran.",
    "throttled": "Heat or the power supply capped the clock.",
    "emulated": "The processor is emulated: its times mean nothing.",
    "crashed": "The process ended without a result.",
    "timeout": "The process gave no answer within its time.",
    "out-of-memory": "The process was killed because memory ran out, or could not be given what it asked for.",
    "unsupported": "The runtime or the target cannot run this case.",
}


def render(data: ReportData) -> Markup:
    """The glossary."""
    verdicts = [(status, status in TRUSTED, about) for status, about in VERDICTS.items()]
    return _TEMPLATE.render(metrics=METRICS.values(), verdicts=verdicts, data=data)


PLUGINS: tuple[Section, ...] = (Section("guide", "How to read it", 150, render),)
