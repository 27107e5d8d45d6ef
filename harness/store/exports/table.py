"""CSV and Parquet: the table of `edgebench table`, one row a case."""

from __future__ import annotations

import io
from collections.abc import Sequence

from harness.core.errors import UsageError
from harness.store.frame import record_table, write_table

from . import Exported


def render(runs: Sequence[Exported], format: str) -> bytes:  # noqa: A002 - the command's own word
    """The file's contents; UsageError for Parquet without pyarrow."""
    frame = record_table([record for run in runs for record in run.records])
    if format == "csv":
        text = io.StringIO()
        write_table(frame, "csv", text)
        return text.getvalue().encode()
    buffer = io.BytesIO()
    try:
        frame.to_parquet(buffer, engine="pyarrow", index=False)
    except ImportError:
        raise UsageError("Parquet needs pyarrow", "pip install 'edgebench[parquet]'") from None
    return buffer.getvalue()
