"""Records on disk: run folders, written once by the measuring process, and stores of many runs.

    from harness import store

    frame = store.read(["runs/before", "runs/after"])                      # run folders, one row per metric
    frame = store.read("bench.sqlite", form="wide", model="mobilenet_v2", since="30d")
    with store.open() as opened:                                           # the user's own store
        opened.append("runs/today")
        nights = opened.series("latency_p50_ns", store.Filters(suite="quick"))

Run folders need the standard library and NumPy alone. SQLAlchemy (stores) and pandas (tables) are imported where they
are used and not with this package, so that a board can write run folders without them.
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


def open(location: Path | str | None = None, *, create: bool = True) -> Store:  # noqa: A001 - as gzip.open
    """Open a store; tables of an older version are migrated.

    Args:
        location: Path or URL; None selects the configured or default store, see `harness.store.database.location`.
        create: Whether to create a store that does not exist.

    Returns:
        The store, which is a context manager.

    Raises:
        StoreError: The store cannot be used, or does not exist and `create` is false.

    """
    from .database.store import Store

    return Store(location, create=create)


def read(
    source: Store | Path | str | Iterable[Path | str] | None = None,
    *,
    form: Literal["tidy", "wide"] = "tidy",
    **filters: Any,
) -> pd.DataFrame:
    """Return the metrics of run folders or of a store as a table. Names of metrics and columns end in their unit.

    Args:
        source: One or several run folders; a store, its path or URL; None for the configured store.
        form: 'tidy' has one row per metric with value, lo, hi and n, or the reason why there is none. 'wide' has one
            row per case of a run.
        **filters: Fields of `Filters`, such as model, runtime, metric, since.

    Raises:
        RecordError: A run folder cannot be read.
        StoreError: The store cannot be read.

    """
    chosen = Filters(**filters)
    if folders := _run_folders(source):
        from .frame import table, tidy
        from .runfolder import RunFolder

        return (table if form == "wide" else tidy)([RunFolder(path) for path in folders], chosen)
    from .database.store import Store

    if isinstance(source, Store):
        return source.read(chosen, form)
    with open(source, create=False) as opened:  # type: ignore[arg-type]
        return opened.read(chosen, form)


def _run_folders(source: Store | Path | str | Iterable[Path | str] | None) -> list[Path | str]:
    """Return the run folders that `source` names; an empty list if it names or is a store."""
    if isinstance(source, (str, Path)):
        return [source] if (Path(source) / "run.json").is_file() else []
    return list(source) if isinstance(source, Iterable) else []
