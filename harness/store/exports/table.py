"""CSV and Parquet: the table of `edgebench table`, one row per case."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.core.errors import UsageError

from . import Exported, TableExport

if TYPE_CHECKING:
    import pandas as pd


def csv(runs: Sequence[Exported]) -> bytes:
    """Return the contents of a CSV file."""
    from harness.store.frame import write_table

    text = io.StringIO()
    write_table(_frame(runs), "csv", text)
    return text.getvalue().encode()


def parquet(runs: Sequence[Exported]) -> bytes:
    """Return the contents of a Parquet file; UsageError without pyarrow."""
    buffer, frame = io.BytesIO(), _frame(runs)
    try:
        frame.to_parquet(buffer, engine="pyarrow", index=False)
    except ImportError:
        raise UsageError("Parquet needs pyarrow", "pip install 'edgebench[parquet]'") from None
    return buffer.getvalue()


def _frame(runs: Sequence[Exported]) -> pd.DataFrame:
    from harness.store.frame import record_table

    return record_table([record for run in runs for record in run.records])


PLUGINS: tuple[TableExport, ...] = (TableExport("csv", csv), TableExport("parquet", parquet))
