"""Provenance of the numbers: machine, versions, command, seed, sensors."""

from __future__ import annotations

from markupsafe import Markup

from harness.core.metric import METRICS
from harness.core.quantity import Missing
from reports.data import ReportData, Run
from reports.numbers import scale_for, show
from reports.section import Section, Template
from reports.text import flatten, to_the_second

_TEMPLATE = Template.beside(__file__)


def render(data: ReportData) -> Markup:
    """Render one block per run, newest first."""
    runs = [(run, _groups(run), list(flatten(run.header.sensors))) for run in reversed(data.runs)]
    return _TEMPLATE.render(runs=runs)


def _groups(run: Run) -> list[tuple[str, list[tuple[str, str]]]]:
    header = run.header
    facts = [
        ("Run", header.run_id),
        ("Suite", header.suite),
        ("Target", header.target),
        ("Profile", header.profile),
        ("Started", to_the_second(header.started_utc)),
        (
            "Ended",
            to_the_second(header.ended_utc) if header.ended_utc else "not yet: the run is in progress or was killed",
        ),
        ("Command", " ".join(header.command)),
        ("Seed", str(header.seed)),
        ("Cases", f"{len(run.contents.records)} of {len(header.planned)} planned"),
        ("Harness overhead per inference", _overhead(run)),
    ]
    groups = [("Run", facts), ("Machine", list(flatten(header.host))), ("Versions", list(flatten(header.versions)))]
    told = {name: value for name, value in header.provenance.items() if name != "basis"}  # hashes, for --resume
    return [*groups, ("Provenance", list(flatten(told)))] if told else groups


def _overhead(run: Run) -> str:
    quantity = run.header.harness_overhead_ns
    if isinstance(quantity, Missing):
        return quantity.reason
    scale = scale_for(METRICS["latency_p50_ns"], [quantity.value])
    return show(quantity, scale).words(scale.unit)


PLUGINS: tuple[Section, ...] = (Section("provenance", "Provenance", 130, render),)
