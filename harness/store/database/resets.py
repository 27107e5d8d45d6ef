"""Declared resets: from then on a series' history counts anew."""

from __future__ import annotations

import pandas as pd
import sqlalchemy as sa

from harness.core.errors import UsageError
from harness.core.times import iso, moment
from harness.core.units import utc_now

from . import bulk
from .filters import chosen_series
from .query import frame_of
from .schema import config, metric_def, reset, reset_series, series, target
from .where import Where


def declare(connection: sa.Connection, reason: str, where: Where, at_utc: str | None) -> int:
    """Reset the series that `where` chooses, now or at a time; how many. UsageError without reason or series.

    A reset holds for series that exist; `since` and `until` of `where` do not choose series and are refused.
    """
    if not reason.strip():
        raise UsageError("a reset needs a reason", "--reason 'new cooler'")
    if where.since or where.until or where.run or where.suite:
        raise UsageError("a reset holds for series, not for runs", "its time is --at")
    ids = list(connection.execute(chosen_series(where)).scalars())
    if not ids:
        raise UsageError("no series is left to reset", "edgebench history shows what there is")
    number = bulk.next_id(connection, reset)
    bulk.insert(connection, reset, ("id", "at", "reason"), [(number, moment(at_utc or utc_now()), reason)])
    bulk.insert(connection, reset_series, ("series", "reset"), [(one, number) for one in sorted(ids)])
    return len(ids)


def declared(connection: sa.Connection) -> pd.DataFrame:
    """One row a reset and series, in the order of time."""
    columns = (
        reset.c.at, reset.c.reason, target.c.name.label("target"), target.c.machine, config.c.case,
        metric_def.c.name.label("metric"),
    )  # fmt: skip
    query = (
        sa.select(*columns)
        .join_from(reset, reset_series)
        .join(series)
        .join(target)
        .join(config)
        .join(metric_def)
        .order_by(reset.c.at, reset.c.id, series.c.id)
    )
    frame = frame_of(connection, query).rename(columns={"at": "at_utc"})
    return frame.assign(at_utc=[iso(time) for time in frame.at_utc])
