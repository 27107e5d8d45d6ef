"""A run for the terminal: one line per finished case, and the table at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from harness.core.metric import METRICS
from harness.core.record import Record, RunHeader
from harness.core.verdict import TIMED, Finding, spoiled, trust_counts
from harness.host.machine_speed import CHECK as MACHINE_SPEED
from reports.answer import answer_lines
from reports.labels import expected, is_built, label_of, mark_of, measured, scales_of, setting_of
from reports.numbers import TIMES, FormattedValue, Scale, counted, show
from reports.recommend import comparable, pareto_front
from reports.scenarios import columns_of, metrics_of
from reports.text import clean

from .rows import Column, RowsTable

_VERDICT_TEXT = "verdict as text"
_FIRST_DROPPED = (
    "latency_p99_ns",
    "latency_p90_ns",
    _VERDICT_TEXT,
    "peak_rss_bytes",
    "top1_difference",
    "quality_difference",
    "artifact_bytes",
)
_SESSION_CHECKS = frozenset({"fidelity", "outputs", "repeatability", "signatures", "state", "time_limit"})
"""Checks of a case's execution whose findings are shown below the table."""
_LINE_LABELS = {"latency_p99_ns": "p99 ", "sustained_ratio": f"{TIMES} "}
_SHORTEST_NAME = 20
_UNLIMITED = 10_000  # characters: wider than any table
_STYLES = {"✓": "green", "≈": "", "!": "yellow", "✕": "red", "○": "dim"}


def case_line(record: Record, with_reason: bool = True, width: int | None = None) -> str:
    """Return a finished case as one line: sign, case, figures, accuracy, and the verdict if it spoils the times.

    Args:
        record: The case.
        with_reason: Whether the verdict's reason follows it.
        width: Columns that the line may take: a longer case is shortened in its middle, so that its figures stay in
            them; None for any number.
    """
    verdict = record.verdict
    parts: list[str] = []
    scales = scales_of([record])
    names = (*metrics_of(record.case.scenario).line, record.quality_name)
    parts += [_with_unit(record, name, scales[name]) for name in names if record.value(name) is not None]
    parts += filter(None, [_bound(record)])
    if record.accuracy_note:
        parts.append(f"({clean(record.accuracy_note)})")
    if not record.trusts(TIMED):
        parts.append(f"{verdict.status}: {clean(verdict.reason)}".rstrip(": ") if with_reason else verdict.status)
    name, figures = f"{mark_of(verdict)} {clean(label_of(record))}", "  ".join(["", *parts])
    return (name if width is None else _without_middle(name, width - cell_len(figures))) + figures


def _without_middle(text: str, width: int) -> str:
    """Return a text in `width` columns, but never in fewer than tell cases apart: a longer one loses its middle."""
    width = max(width, _SHORTEST_NAME)
    if cell_len(text) <= width:
        return text
    ahead = (width - 1) // 2
    head, tail = set_cell_size(text, ahead).rstrip(), set_cell_size(text[::-1], width - 1 - ahead)[::-1].lstrip()
    return f"{head}\N{HORIZONTAL ELLIPSIS}{tail}"


def _bound(record: Record) -> str:
    """Return whether the latency bound of Server was held, '' without one."""
    limit_ns, held = record.case.load.latency_bound_ns, record.value("bound_held")
    if limit_ns is None or record.value("bound_met_share") is None:
        return ""
    answer = "undecided" if held is None else "held" if held else "not held"
    return f"bound of {limit_ns / 1e6:g} ms {answer}"


def final_table(records: Sequence[Record], header: RunHeader) -> RenderableType:
    """Return every case of a run in as many columns as the console has room for, and how far they can be trusted."""
    return _RunTable(tuple(records), header)


@dataclass(frozen=True)
class _RunTable:
    """Chooses its columns when printed, because the width is not known earlier."""

    records: tuple[Record, ...]
    header: RunHeader

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        yield Text(clean(f"{self.header.suite} on {self.header.target}"), style="bold")
        yield from (Text(line, overflow="fold") for line in answer_lines(self.records))
        yield self._fitting_table(console, options)
        yield Text(trust_counts(record.verdict.status for record in self.records))
        yield from untrusted_lines(self.records)
        yield from self._doubted()
        yield from self._machine_speed()
        yield from self._frames()
        yield from self._missing_columns()
        yield from self._accuracy_notes()
        yield from self._accuracy_findings()
        yield from self._time_findings()
        yield from self._session_findings()
        yield from self._measured_shapes()
        yield from self._built_files()
        yield from self._front()

    @property
    def _titles(self) -> dict[str, str]:
        """Titles of the columns by metric, the scenarios' own first."""
        return columns_of(self.records)

    def _fitting_table(self, console: Console, options: ConsoleOptions) -> RowsTable:
        """Return the table with as many columns as the console has room for."""
        names = measured(self.records, self._titles)
        scales = scales_of(self.records)
        columns = {"case": Column("case", self._cases(), folds=True)}
        for name in names:
            title = self._titles[name] if name == "quality" else self._titles[name].lower()
            title = f"{title} {scales[name].unit}".rstrip()
            columns[name] = Column(title, self._under_models(name, scales[name]), right=True)
        marks = Column("", self._verdicts(with_text=False))
        columns[_VERDICT_TEXT] = Column("verdict", self._verdicts(with_text=True))
        unlimited = options.update(width=_UNLIMITED)
        for name in _FIRST_DROPPED:
            ruler = RowsTable([*columns.values()]).ruler()
            if Measurement.get(console, unlimited, ruler).maximum <= options.max_width:
                break
            if name == _VERDICT_TEXT:
                columns[name] = marks
            else:
                columns.pop(name, None)
        return RowsTable([*columns.values()])

    def _cases(self) -> list[Text]:
        """Return the names of the cases, each model's before its first."""
        cells = []
        for model, records in groupby(self.records, lambda record: record.case.model):
            cells.append(Text(clean(model), style="bold"))
            cells += [Text("  " + clean(setting_of(record, " "))) for record in records]
        return cells

    def _under_models(self, name: str, scale: Scale) -> list[Text]:
        """Return a metric of the cases, and nothing beside the name of each model."""
        return self._beside_cases(lambda record: _cell(record, name, scale))

    def _verdicts(self, with_text: bool) -> list[Text]:
        return self._beside_cases(lambda record: _verdict(record, with_text))

    def _beside_cases(self, cell: Callable[[Record], Text]) -> list[Text]:
        cells = []
        for _, records in groupby(self.records, lambda record: record.case.model):
            cells += [Text(), *map(cell, records)]
        return cells

    def _doubted(self) -> Iterator[Text]:
        """Yield why cases whose interval is narrow are not precise all the same, each reason once."""
        reasons: dict[str, list[Record]] = {}
        for record in self.records:
            for reason in record.details.get("doubts", ()):
                reasons.setdefault(reason, []).append(record)
        for reason, records in reasons.items():
            yield Text(clean(f"! {counted(len(records), 'case')} not precise: {reason}"), style=_STYLES["!"])

    def _machine_speed(self) -> Iterator[Text]:
        """Yield whether the machine was as fast as usual."""
        for finding in self.header.findings:
            if finding.check == MACHINE_SPEED:
                yield Text(clean(finding.found), style=_STYLES["!"] if finding.status == "warn" else "dim")

    def _frames(self) -> Iterator[Text]:
        """Yield what whole frames took, stage by stage: the column of latencies is that of the net alone."""
        for record in self.records:
            names = ("pipeline_p50_ns", "pre_p50_ns", "pipeline_infer_p50_ns", "post_p50_ns")
            if record.value("pipeline_p50_ns") is None:
                continue
            scale = scales_of([record])["pipeline_p50_ns"]
            whole, *stages = (show(record.quantity(name), scale).text for name in names)
            case = f"{record.case.model} {setting_of(record, ' ')}"
            parts = " + ".join(f"{text} {name}" for text, name in zip(stages, ("pre", "infer", "post"), strict=True))
            yield Text(clean(f"a whole frame of {case}: p50 {whole} {scale.unit} ({parts})"), style="dim")

    def _missing_columns(self) -> Iterator[Text]:
        """Yield why no case that ran has a value for an expected column."""
        for name in expected(self.records):
            reasons = {record.missing(name) for record in self.records if record.verdict.ran}
            if reasons and None not in reasons:
                first, *others = sorted(str(reason) for reason in reasons)
                more = f" (and {len(others)} more reasons)" if others else ""
                yield Text(clean(f"no {METRICS[name].title.lower()}: {first}{more}"), style="dim")

    def _accuracy_notes(self) -> Iterator[Text]:
        """Yield the cases whose accuracy was not measured on all images, with the reason."""
        for record in self.records:
            if record.accuracy_note:
                case = f"{record.case.model} {setting_of(record, ' ')}"
                yield Text(clean(f"accuracy of {case}: {record.accuracy_note}"), style="dim")

    def _accuracy_findings(self) -> Iterator[Text]:
        """Yield each warning about the accuracy, with the cases it holds for."""
        yield from _lines(
            (record, "accuracy", finding) for record in self.records for finding in record.accuracy_findings
        )

    def _time_findings(self) -> Iterator[Text]:
        """Yield what latency and memory depend on: the inputs, the number of inferences, tiny numbers."""
        yield from _lines(
            (record, "memory" if finding.check == "memory_growth" else "latency", finding)
            for record in self.records
            for finding in record.time_findings
        )

    def _session_findings(self) -> Iterator[Text]:
        """Yield what a reader must know about how a model ran: outputs that are not bound, state that carries over."""
        yield from _lines(
            (record, finding.check, finding)
            for record in self.records
            for finding in record.execution.findings
            if finding.check in _SESSION_CHECKS
        )

    def _measured_shapes(self) -> Iterator[Text]:
        """Yield what each user model was measured with: another length, or another mask, has another latency."""
        own = [record for record in self.records if record.case.weights == "user" and record.input_shapes]
        lines = dict.fromkeys((record.case.model, str(record.input_shapes), record.input_values) for record in own)
        for model, shapes, values in lines:
            yield Text(clean(f"{model} was measured with {shapes}{f' ({values})' if values else ''}"), style="dim")

    def _built_files(self) -> Iterator[Text]:
        """Yield the files that were built from the user's models, each once, by their folder."""
        folders: dict[str, dict[str, None]] = {}
        for record in self.records:
            if is_built(record):
                folder, _, name = str(record.model_file).rpartition("/")
                folders.setdefault(folder, {})[f"{record.case.compression}: {name}"] = None
        for folder, names in folders.items():
            yield Text(clean(f"built in {folder}; --export DIR copies them:"), style="dim", overflow="fold")
            yield from (Text(clean(f"  {name}"), style="dim", overflow="fold") for name in names)

    def _front(self) -> Iterator[RenderableType]:
        """Yield the cases on the Pareto front, fastest first."""
        scored = comparable(self.records)
        if len(scored) > 1 and (best := pareto_front(scored)):
            cautious = any(record.trust(TIMED) == "caution" for record in best)
            yield Text(
                f"{len(best)} of {counted(len(scored), 'scored case')} on the Pareto front of latency and accuracy"
                f"{' (≈ imprecise: use with caution)' * cautious}:"
            )
            table, scales = Table.grid(padding=(0, 1, 0, 0)), scales_of(best)
            table.add_column()
            table.add_column(overflow="fold")
            for _ in range(2):
                table.add_column(justify="right", no_wrap=True)
            for record in best:
                case = clean(f"{record.case.model} {setting_of(record, ' ')}")
                names = ("latency_p50_ns", record.quality_name)
                values = (_with_unit(record, name, scales[name]) for name in names)
                table.add_row(f"  {mark_of(record.verdict)}", Text(case), *map(Text, values))
            yield table


def untrusted_lines(records: Sequence[Record]) -> Iterator[Text]:
    """Yield the verdicts that spoil times, those with one remedy together, each with one of its reasons."""
    for alike in _by_remedy(records):
        verdict = alike[0].verdict
        status = verdict.status
        cases = f"1 case {status}" if len(alike) == 1 else f"{len(alike)} cases {status}, for example"
        yield Text(clean(f"{mark_of(verdict)} {cases}: {verdict.reason}"), style=_STYLES[mark_of(verdict)])
        if verdict.ran:
            yield Text(f"  not to be relied on: {spoiled(status)}", style="dim")
        if verdict.remedy:
            yield Text(clean(f"  → {verdict.remedy}"), style="dim")


def _lines(findings: Iterable[tuple[Record, str, Finding]]) -> Iterator[Text]:
    """Yield each finding once, with the cases it holds for and its remedy; `findings` are of a case, on a topic."""
    cases: dict[tuple[str, Finding], list[Record]] = {}
    for record, topic, finding in findings:
        cases.setdefault((topic, finding), []).append(record)
    for (topic, finding), records in cases.items():
        case = f"{records[0].case.model} {setting_of(records[0], ' ')}"
        where = case if len(records) == 1 else f"{len(records)} cases, for example {case}"
        yield Text(clean(f"! {topic} of {where}: {finding.found}"), style=_STYLES["!"])
        if finding.remedy:
            yield Text(clean(f"  → {finding.remedy}"), style="dim")


def _by_remedy(records: Sequence[Record]) -> list[list[Record]]:
    """Return the records without success in groups of one verdict and one remedy, the largest of a verdict first."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        if not record.trusts(TIMED):
            groups.setdefault((record.verdict.status, record.verdict.remedy), []).append(record)
    order = list(dict.fromkeys(status for status, _ in groups))
    return [groups[key] for key in sorted(groups, key=lambda key: (order.index(key[0]), -len(groups[key])))]


def _cell(record: Record, name: str, scale: Scale) -> Text:
    value = show(record.quantity(name), scale)
    if value.missing:
        return Text("-", style="dim")
    text = value_text(value)
    if not record.trusts(name):
        text.stylize("dim")
    return text


def value_text(value: FormattedValue) -> Text:
    """Return a value and its spread as one cell, or the gist of the reason why it is missing."""
    text = Text(clean(value.text), style="dim" if value.missing else "")
    return text.append(f" {value.spread}", style="dim") if value.spread else text


def _verdict(record: Record, with_text: bool) -> Text:
    mark = mark_of(record.verdict)
    return Text(f"{mark} {record.verdict.status}" if with_text else mark, style=_STYLES[mark])


def _with_unit(record: Record, name: str, scale: Scale) -> str:
    label = f"{record.quality_kind.label} " if name == record.quality_name else _LINE_LABELS.get(name, "")
    return label + show(record.quantity(name), scale).words(scale.unit)
