"""A run for the terminal: one line a finished case, and the table at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from harness.core.metric import METRICS
from harness.core.record import Record, RunHeader
from reports.numbers import Scale, Shown, counted, show
from reports.recommend import comparable, front
from reports.words import COLUMNS, MISSED, clean, is_built, label_of, mark_of, scales_of, setting_of

_WORDS = "verdict in words"
_FIRST_TO_GO = ("latency_p99_ns", "latency_p90_ns", _WORDS, "peak_rss_bytes", "top1_difference", "artifact_bytes")
_ENDLESS = 10_000  # columns: more than any table has
_STYLES = {"✓": "green", "≈": "", "!": "yellow", "✕": "red", "○": "dim"}


def case_line(record: Record) -> str:
    """One finished case: sign, case, latency with its interval, accuracy; the verdict when it is no success."""
    verdict = record.verdict
    parts = [f"{mark_of(verdict)} {clean(label_of(record))}"]
    scales = scales_of([record])
    parts += [
        _with_unit(record, name, scales[name]) for name in ("latency_p50_ns", "top1") if record.value(name) is not None
    ]
    if record.accuracy_note:
        parts.append(f"({clean(record.accuracy_note)})")
    if not verdict.trusted:
        parts.append(f"{verdict.status}: {clean(verdict.reason)}".rstrip(": "))
    return "  ".join(parts)


def final_table(records: Sequence[Record], header: RunHeader) -> RenderableType:
    """Every case of the run in as many columns as the console has room for, and why some cannot be trusted."""
    return _Final(tuple(records), header)


@dataclass(frozen=True)
class _Final:
    """Chooses its columns when it is printed: only then is the width known."""

    records: tuple[Record, ...]
    header: RunHeader

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        yield Text(clean(f"{self.header.suite} on {self.header.target}"), style="bold")
        yield self._fitting(console, options)
        yield from self._remarks()
        yield from self._stopped()
        yield from self._measured_shapes()
        yield from self._built_files()
        yield from self._front()

    def _anyone_has(self, name: str) -> bool:
        return any(record.value(name) is not None for record in self.records)

    def _fitting(self, console: Console, options: ConsoleOptions) -> Table:
        """The table with as much as the console has room for."""
        shown = [*filter(self._anyone_has, COLUMNS), _WORDS]
        endless = options.update(width=_ENDLESS)
        for name in _FIRST_TO_GO:
            if Measurement.get(console, endless, self._table(shown)).maximum <= options.max_width:
                break
            shown = [other for other in shown if other != name]
        return self._table(shown)

    def _table(self, shown: Sequence[str]) -> Table:
        scales, names, wide = scales_of(self.records), [name for name in shown if name != _WORDS], _WORDS in shown
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
        table.add_column("case", overflow="fold")
        for name in names:
            table.add_column(f"{COLUMNS[name].lower()} {scales[name].unit}".rstrip(), justify="right", no_wrap=True)
        table.add_column("verdict" if wide else "", no_wrap=True)
        model = ""
        for record in self.records:
            if record.case.model != model:
                model = record.case.model
                table.add_row(Text(clean(model), style="bold"))
            cells = (_cell(record, name, scales[name]) for name in names)
            table.add_row(Text("  " + clean(setting_of(record, " "))), *cells, _verdict(record, wide))
        return table

    def _remarks(self) -> Iterator[Text]:
        """Yield each verdict that is no success by what to do about it, then why a whole column is empty."""
        for records in _by_remedy(self.records):
            verdict = records[0].verdict
            status = verdict.status
            cases = f"1 case {status}" if len(records) == 1 else f"{len(records)} cases {status}, such as"
            yield Text(clean(f"{mark_of(verdict)} {cases}: {verdict.reason}"), style=_STYLES[mark_of(verdict)])
            if verdict.remedy:
                yield Text(clean(f"  → {verdict.remedy}"), style="dim")
        for name in MISSED:
            reasons = {record.missing(name) for record in self.records if record.verdict.trusted}
            if reasons and None not in reasons:
                first, *others = sorted(str(reason) for reason in reasons)
                more = f" (and {len(others)} more reasons)" if others else ""
                yield Text(clean(f"no {METRICS[name].title.lower()}: {first}{more}"), style="dim")

    def _stopped(self) -> Iterator[Text]:
        """The cases whose accuracy is not of all images, each with what was decided."""
        for record in self.records:
            if record.accuracy_note:
                case = f"{record.case.model} {setting_of(record, ' ')}"
                yield Text(clean(f"accuracy of {case}: {record.accuracy_note}"), style="dim")

    def _measured_shapes(self) -> Iterator[Text]:
        """Yield the shapes that each model of the user was measured with: another length is another latency."""
        own = [record for record in self.records if record.case.weights == "user" and record.input_shapes]
        for model, shapes in dict.fromkeys((record.case.model, str(record.input_shapes)) for record in own):
            yield Text(clean(f"{model} was measured with {shapes}"), style="dim")

    def _built_files(self) -> Iterator[Text]:
        """Yield the files that were built of the user's models, each once, by their folder."""
        folders: dict[str, dict[str, None]] = {}
        for record in self.records:
            if is_built(record):
                folder, _, name = str(record.model_file).rpartition("/")
                folders.setdefault(folder, {})[f"{record.case.compression}: {name}"] = None
        for folder, names in folders.items():
            yield Text(clean(f"built in {folder}, from where --export DIR copies them:"), style="dim", overflow="fold")
            yield from (Text(clean(f"  {name}"), style="dim", overflow="fold") for name in names)

    def _front(self) -> Iterator[Text]:
        """What is worth having: the fastest first."""
        scored = comparable(self.records)
        if len(scored) > 1 and (best := front(scored)):
            yield Text(
                f"{len(best)} of {counted(len(scored), 'scored case')} on the Pareto front of latency and accuracy:"
            )
            yield from (Text("  " + case_line(record)) for record in best)


def _by_remedy(records: Sequence[Record]) -> list[list[Record]]:
    """Return the records without success in groups of one verdict and one remedy, the largest of a verdict first."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        if not record.verdict.trusted:
            groups.setdefault((record.verdict.status, record.verdict.remedy), []).append(record)
    order = list(dict.fromkeys(status for status, _ in groups))
    return [groups[key] for key in sorted(groups, key=lambda key: (order.index(key[0]), -len(groups[key])))]


def _cell(record: Record, name: str, scale: Scale) -> Text:
    shown = show(record.quantity(name), scale)
    return Text("-", style="dim") if shown.missing else figure(shown)


def figure(shown: Shown) -> Text:
    """A number and its spread in one cell, or in few words why there is none."""
    text = Text(clean(shown.text), style="dim" if shown.missing else "")
    return text.append(f" {shown.spread}", style="dim") if shown.spread else text


def _verdict(record: Record, wide: bool) -> Text:
    mark = mark_of(record.verdict)
    return Text(f"{mark} {record.verdict.status}" if wide else mark, style=_STYLES[mark])


def _with_unit(record: Record, name: str, scale: Scale) -> str:
    shown = show(record.quantity(name), scale)
    label = "top-1 " if name == "top1" else ""
    return label + shown.words(scale.unit)
