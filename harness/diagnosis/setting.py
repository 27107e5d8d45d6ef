"""What the setting itself promises, and what it does not."""

from __future__ import annotations

from .prospects import settings_of
from .situation import Explanation, Situation


def saves_no_time(situation: Situation) -> Explanation | None:
    """Settings that save space or accuracy and run no faster: sparsity, weights alone, the same graph."""
    slow = [one for one in settings_of(situation.record.case.compression) if not one.saves_time and one.note]
    if not slow:
        return None
    compared = situation.against_fp32()
    name = " and ".join(one.name for one in slow)
    return Explanation(
        "setting-saves-no-time",
        "info",
        compared[1] if compared else f"{name} on {situation.record.case.runtime}",
        "; ".join(one.note for one in slow),
        "where time matters take fewer channels (channel-pruned-N) or int8-static",
    )
