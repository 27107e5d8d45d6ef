"""Why is it slow? Rules over a record: each looks for one thing and says what it saw, what follows and what to do.

A rule is a function from a `Situation` to an `Explanation` or None, without side effects. A rule that lacks what it
needs (a profile, a roofline, a figure to compare with) says nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from . import measurement, operators, precision, roofline
from .situation import Explanation, Situation

Rule = Callable[[Situation], Explanation | None]

RULES: tuple[Rule, ...] = (
    measurement.untrusted,
    roofline.beats_the_roof,
    measurement.repeated_input,
    measurement.input_dependence,
    measurement.memory_growth,
    measurement.denormal_numbers,
    measurement.far_from_published,
    measurement.usb2_link,
    precision.slower_than_fp32,
    precision.no_instructions,
    precision.dynamic_convolutions,
    precision.products_alone,
    precision.conversions,
    precision.float_operators,
    precision.storage_only,
    precision.saves_no_time,
    operators.fallen_back,
    operators.delegate_did_not_apply,
    operators.less_fused,
    operators.data_movement,
    operators.runtime_overhead,
    operators.where_the_time_goes,
    roofline.memory_bound,
    roofline.far_below_the_roof,
    measurement.one_signature,
    measurement.one_thread,
    measurement.first_inference,
)
"""In the order they are told: first what puts the figure itself in doubt, then causes, then circumstances."""


def explain(situation: Situation) -> list[Explanation]:
    """Apply every rule and return the explanations in the order of `RULES`."""
    return [found for rule in RULES if (found := rule(situation)) is not None]


__all__ = ["RULES", "Explanation", "Rule", "Situation", "explain"]
