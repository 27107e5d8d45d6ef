"""The night on paper: verdicts as JSON, and Markdown for the summary of a CI step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness.core.record import Record, RunHeader

from .outcome import Kind, Outcome, by_weight, exit_code

SCHEMA = 1


@dataclass(frozen=True)
class Paper:
    """What one night came to. `slow_pass` tells whether slow changes were looked for, as once a week."""

    header: RunHeader
    outcomes: Sequence[Outcome]
    records: Sequence[Record]
    slow_pass: bool = False

    @property
    def headline(self) -> str:
        """'2 regressions, 1 inconclusive' or 'nothing to report'."""
        told = [outcome.kind for outcome in by_weight(self.outcomes) if outcome.kind != "transient"]
        counts = [f"{told.count(kind)} {_plural(kind, told.count(kind))}" for kind in dict.fromkeys(told)]
        return ", ".join(counts) or "nothing to report"

    def document(self) -> dict[str, Any]:
        """Everything, as plain JSON types."""
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
            "outcomes": [{**asdict(outcome), "series": outcome.series} for outcome in by_weight(self.outcomes)],
        }


def _plural(kind: Kind, count: int) -> str:
    ends = kind in ("regression", "improvement", "environment") and count != 1
    return {"environment": "environment change"}.get(kind, kind) + "s" * ends


def markdown(paper: Paper) -> str:
    """The summary for a CI step: headline, one line an outcome, and how to look closer."""
    measured = sum(record.value("n_inferences") is not None for record in paper.records)
    lines = [
        f"## edgebench nightly: {_md(paper.header.suite)} on {_md(paper.header.target)}",
        "",
        f"**{paper.headline}**; {measured} of {len(paper.records)} cases measured, {paper.header.started_utc[:16]} UTC",
        "",
    ]
    for outcome in by_weight(paper.outcomes):
        lines.append(f"- **{outcome.kind}** {_md(outcome.series)}: {_md(outcome.sentence)}")
        lines += [f"  `{outcome.command.replace('`', '')}`"] if outcome.command else []
    return "\n".join(lines) + "\n"


def _md(text: str) -> str:
    """Text in which nothing is Markdown or HTML."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{char}" if char in "\\`*_[]|#" else char for char in " ".join(escaped.split()))
