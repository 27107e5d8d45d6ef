"""Why is it slow? Rules over a record: each looks for one thing and says what it saw, what follows and what to do.

A rule is a function from a `Situation` to an `Explanation` or None, without side effects. A rule that lacks what it
needs (a profile, a roofline, a figure to compare with) says nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from . import compute, float16, int8, operators, outside, setting, start
from .situation import Explanation, Situation

Rule = Callable[[Situation], Explanation | None]

RULES: tuple[Rule, ...] = (
    outside.untrusted,
    compute.beats_the_roof,
    outside.repeated_input,
    outside.far_from_published,
    outside.usb2_link,
    int8.slower_than_fp32,
    int8.no_instructions,
    int8.dynamic_convolutions,
    int8.products_alone,
    int8.conversions,
    int8.float_operators,
    float16.storage_only,
    setting.saves_no_time,
    operators.fallen_back,
    operators.delegate_did_not_apply,
    operators.less_fused,
    operators.data_movement,
    operators.runtime_overhead,
    operators.where_the_time_goes,
    compute.memory_bound,
    compute.far_below_the_roof,
    start.one_thread,
    start.first_inference,
)
"""In the order they are told: first what puts the figure itself in doubt, then causes, then circumstances."""


def explain(situation: Situation) -> list[Explanation]:
    """What every rule has to say."""
    return [found for rule in RULES if (found := rule(situation)) is not None]


__all__ = ["RULES", "Explanation", "Rule", "Situation", "explain"]
