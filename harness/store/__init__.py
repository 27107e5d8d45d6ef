"""The run folder on disk: written once by the measuring side, read into records and pandas tables after that."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pandas as pd


def read(paths: Iterable[Path | str]) -> pd.DataFrame:
    """Every metric of every case of these run folders as a tidy table: see `harness.store.frame.tidy`.

    pandas is imported here and not with the package: the measuring side writes run folders without it.
    """
    from .frame import tidy
    from .runfolder import RunFolder

    return tidy([RunFolder(path) for path in paths])
