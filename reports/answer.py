"""What to ship: for each model on each board the fastest case that loses next to no accuracy, and its lead."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.core.metric import METRICS
from harness.core.quality import TOP1
from harness.core.quantity import Value
from harness.core.record import Record

from .labels import is_built, load_of, main_load
from .numbers import counted, scale_for, show
from .recommend import best_first, is_scored
from .scenarios import main_metric
from .text import clean

LOSS = 0.01
"""Quality that may be lost against the float model: one point, or one percent of a quality that is no share."""

_FLOAT = ("fp32", "as-is")
_CLOSE = 1.1  # a smaller ratio has another digit: 1.03x is not 1x


@dataclass(frozen=True)
class Answer:
    """What to ship of one model on one board.

    Attributes:
        model: The model.
        target: The board.
        metric: What cases are ranked by.
        best: The case to ship; None where there is none.
        baseline: The fastest case of the float model; None where no such figure is trusted.
        reason: Why there is nothing to ship, '' otherwise.
    """

    model: str
    target: str
    metric: str
    best: Record | None = None
    baseline: Record | None = None
    reason: str = ""

    @property
    def loss(self) -> float | None:
        """Quality lost against the float model, negative for a gain; None where either is unknown."""
        if self.best is None or self.baseline is None:
            return None
        ours, theirs = (record.trusted_quality for record in (self.best, self.baseline))
        return None if ours is None or theirs is None else theirs - ours


def answers(records: Sequence[Record]) -> list[Answer]:
    """Return an answer for each model that was measured in more than one way, in the order of the records.

    The fastest case wins whose quality is within one point of the best float case of the model; of a model that was not
    scored the fastest one. An imprecise figure does not win while a precise one is within its interval. There is no
    answer where a case that cannot be trusted seems faster than what could be shipped: measured again, it might win.
    Only cases under the main load take part.
    """
    load, groups = main_load(records), dict[tuple[str, str], list[Record]]()
    for record in records:
        if load_of(record) == load:
            groups.setdefault((record.target, record.case.model), []).append(record)
    return [_answer(model, target, group) for (target, model), group in groups.items() if len(group) > 1]


def _answer(model: str, target: str, group: Sequence[Record]) -> Answer:
    name, cases = Counter(map(main_metric, group)).most_common(1)[0][0], counted(len(group), "case")
    able = [record for record in group if record.trusted_value(name) is not None]
    if not able:
        return Answer(model, target, name, reason=f"{_verdicts(group)} of {cases}")
    floats = [record for record in able if record.case.compression in _FLOAT]
    scored = [value for record in floats or able if (value := record.trusted_quality) is not None]
    least = max(scored) - group[0].quality_kind.difference(LOSS, max(scored)) if scored else -math.inf
    able = [record for record in able if not scored or _is_accurate(record, least)]
    best = best_first(able, name)[0]
    if rivals := [record for record in group if _may_be_faster(record, best, name, least)]:
        return Answer(model, target, name, reason=f"{_verdicts(rivals)} of {cases} may be faster than the rest")
    return Answer(model, target, name, best, next(iter(best_first(floats, name)), None))


def _verdicts(records: Sequence[Record]) -> str:
    """Return '3 contended, 1 crashed'."""
    counts = Counter(record.verdict.status for record in records)
    return ", ".join(f"{n} {status}" for status, n in counts.most_common())


def _is_accurate(record: Record, least: float) -> bool:
    """Return whether the quality is trusted and not below `least`."""
    quality = record.trusted_quality
    return quality is not None and quality >= least


def _may_be_faster(record: Record, best: Record, name: str, least: float) -> bool:
    """Return whether a case with untrusted times seems faster, and is accurate enough to be shipped."""
    ours, theirs = record.value(name), best.value(name)
    if record.trusts(name) or not record.trusts(record.quality_name) or ours is None or theirs is None:
        return False
    faster = ours > theirs if METRICS[name].better == "higher" else ours < theirs
    return faster and (not is_scored(record) or _is_accurate(record, least))


def answer_lines(records: Sequence[Record]) -> Iterator[str]:
    """Yield each answer as a sentence, named by its model where there are several, and by its board too."""
    found = answers(records)
    several_boards = len({answer.target for answer in found}) > 1
    several = several_boards or len({record.case.model for record in records}) > 1
    for answer in found:
        where = f"{answer.model} on {answer.target}" if several_boards else answer.model
        if answer.best is None:
            yield clean(f"nothing to ship{f' of {where}' * several}: {answer.reason}")
        else:
            yield clean(f"ship {f'{where}: ' * several}{_sentence(answer, answer.best)}")


def _sentence(answer: Answer, best: Record) -> str:
    case = best.case
    words = f"{case.compression} on {case.runtime}, t{case.threads}: {figure_of(answer, best)}"
    file = f": {best.model_file}" if has_file(best) else ""
    return ", ".join([words, *reasons_of(answer, best)]) + file


def has_file(best: Record) -> bool:
    """Return whether there is a file to ship: one of the user, or one built from it."""
    return is_built(best) or best.case.weights == "user"


def reasons_of(answer: Answer, best: Record) -> list[str]:
    """Return why the best case is the one to ship: its lead, its accuracy, its size, and a caution if imprecise."""
    facts = filter(None, (_lead(answer, best), _accuracy(answer), _size(best)))
    return [*facts, *["imprecise: use with caution"] * (best.trust(answer.metric) == "caution")]


def figure_of(answer: Answer, best: Record) -> str:
    """Return the figure by which the case is the best, with its interval."""
    name = answer.metric
    quantity = best.quantity(name)
    scale = scale_for(METRICS[name], [quantity.value] if isinstance(quantity, Value) else [])
    title = "p99 " if name == "latency_p99_ns" else ""
    unit = "inferences/s" if name == "throughput_per_s" else scale.unit
    return f"{title}{show(quantity, scale).words(unit)}"


def _lead(answer: Answer, best: Record) -> str:
    """Return '1.7x as fast as fp32' if the intervals do not overlap, else what can be said."""
    baseline = answer.baseline
    if baseline is None:
        return ""
    if baseline is best:
        scored = best.trusted_quality is not None
        return "no faster case is as accurate" if scored else "no other case is faster"
    name = answer.metric
    ours, theirs = best.quantity(name), baseline.quantity(name)
    if not isinstance(ours, Value) or not isinstance(theirs, Value):
        return ""
    other = f"{baseline.case.compression} on {baseline.case.runtime}"
    other = baseline.case.compression if baseline.case.runtime == best.case.runtime else other
    slower, faster = (ours, theirs) if METRICS[name].better == "higher" else (theirs, ours)
    if None in (slower.lo, faster.hi) or (slower.lo or 0.0) <= (faster.hi or 0.0):
        return f"not clearly faster than {other}"
    ratio = slower.value / faster.value
    return f"{ratio:{'.3g' if ratio < _CLOSE else '.2g'}}x as fast as {other}"


def _accuracy(answer: Answer) -> str:
    loss = answer.loss
    if loss is None or answer.best is answer.baseline:
        return ""
    kind = answer.best.quality_kind if answer.best else TOP1
    return kind.change(-kind.sign * loss) if loss else f"same {kind.label}"


def _size(record: Record) -> str:
    quantity = record.quantity("artifact_bytes")
    if not isinstance(quantity, Value):
        return ""
    scale = scale_for(METRICS["artifact_bytes"], [quantity.value])
    return f"{show(quantity, scale).text} {scale.unit}"
