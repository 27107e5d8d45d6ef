"""An absolute bound on a metric as people write it: 'p50 <= 20 ms', 'top1 >= 0.88', 'peak_rss <= 200 MiB'."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from .errors import UnknownName
from .metric import METRICS, Metric
from .quantity import Quantity, Value
from .units import ENERGY_J, SHARE, SIZE_BYTES, TIME_NS, quantity

_SHORT = {
    **{f"p{p}": f"latency_p{p}_ns" for p in (50, 90, 95, 99, 999)},
    "energy": "energy_gross_j",
    "memory": "peak_rss_bytes",
    "size": "artifact_bytes",
}
_UNITS = {"ns": TIME_NS, "j": ENERGY_J, "bytes": SIZE_BYTES, "": SHARE, "per_s": {"": 1.0, "/s": 1.0}}
_FORM = re.compile(r"\s*([\w.]+)\s*(<=|>=)\s*(.+)")


def named(text: str) -> Metric:
    """The metric called `text`: in full, without its unit, or short ('p50', 'energy'). UnknownName otherwise."""
    name = _SHORT.get(text, text)
    for metric in METRICS.values():
        if name in (metric.name, metric.name.removesuffix(f"_{metric.unit}")):
            return metric
    raise UnknownName("metric", text, [*_SHORT, *METRICS])


@dataclass(frozen=True)
class Limit:
    """`value` in the metric's own unit; `text` as it was written."""

    metric: str
    sign: Literal["<=", ">="]
    value: float
    text: str

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Read a limit; ValueError says what is wrong with it."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError(f"'{text}' is no limit: write one such as 'p50 <= 20 ms' or 'top1 >= 0.88'")
        try:
            metric = named(match[1])
        except UnknownName as error:
            raise ValueError(str(error)) from error
        value = quantity(match[3], _UNITS[metric.unit])
        return cls(metric.name, "<=" if match[2] == "<=" else ">=", value, " ".join(text.split()))

    def broken(self, found: Quantity) -> bool | None:
        """Whether the whole interval lies beyond the limit; None when there is no number, or it cannot be told."""
        if not isinstance(found, Value):
            return None
        sign = 1.0 if self.sign == "<=" else -1.0
        ends = [sign * (end - self.value) for end in (found.value, found.lo, found.hi) if end is not None]
        if all(end > 0 for end in ends):
            return True
        return None if any(end > 0 for end in ends) else False
