"""Records on disk: the run folder, written once by the measuring side, and the store of many runs.

    from harness import store

    frame = store.read(["runs/before", "runs/after"])                      # run folders, one row a metric
    frame = store.read("bench.sqlite", form="wide", model="mobilenet_v2", since="30d")
    with store.open() as opened:                                           # the user's own store
        opened.append("runs/today")
        nights = opened.series("latency_p50_ns", store.Filters(suite="quick"))

A run folder needs the standard library and numpy; the store imports SQLAlchemy, tables import pandas, both where they
are used and not with this package: the measuring side writes run folders without them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .database.filters import Filters as Filters
from .database.location import configured as configured

if TYPE_CHECKING:
    import pandas as pd

    from .database.store import Store


def open(where: Path | str | None = None, *, create: bool = True) -> Store:  # noqa: A001 - as gzip.open
    """Return the store at a path or URL; None means the configured or default one (`harness.store.database.location`).

    Tables of an older version are brought up to date. StoreError when it cannot be used, or with `create` false when
    there is none. It is a context manager.
    """
    from .database.store import Store

    return Store(where, create=create)


def read(
    where: Store | Path | str | Iterable[Path | str] | None = None,
    *,
    form: Literal["tidy", "wide"] = "tidy",
    **choice: Any,
) -> pd.DataFrame:
    """The metrics of run folders or of a store as a table; units stand in the names of metrics and columns.

    `where`: run folders (one or several), a store, its path or URL, or None for the configured store. `form`: 'tidy',
    one row a metric with value, lo, hi, n or the reason why there is none; 'wide', one row a case of a run. `choice`:
    the fields of `Where`, such as model, runtime, metric, since. RecordError or StoreError for what cannot be read.
    """
    from .database.store import Store

    chosen = Filters(**choice)
    if isinstance(where, Store):
        return where.read(chosen, form)
    folders = _run_folders(where)
    if not folders:
        with open(where, create=False) as opened:  # type: ignore[arg-type]
            return opened.read(chosen, form)
    from .frame import table, tidy
    from .runfolder import RunFolder

    return (table if form == "wide" else tidy)([RunFolder(path) for path in folders], chosen)


def _run_folders(where: Path | str | Iterable[Path | str] | None) -> list[Path | str]:
    """The run folders that `where` names; none when it names a store."""
    if where is None:
        return []
    if isinstance(where, (str, Path)):
        return [where] if (Path(where) / "run.json").is_file() else []
    return list(where)
