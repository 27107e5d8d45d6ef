"""Some samples of a data set as one file: what is scored where the others are used for calibration."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.core.errors import DataError
from harness.core.files import cache_dir, write_atomic
from harness.core.task import Dataset, Task

PART = "part"
"""How a data set is stored that is a part of another one."""


class Part:
    """Samples of another data set, whose findings are its own.

    Args:
        whole: That data set.
        places: Positions of the samples in it, ascending.
    """

    parts: Sequence[tuple[str, int]] = ()

    def __init__(self, whole: Dataset, places: Sequence[int]) -> None:
        self.whole, self.places = whole, places
        self.findings, self.unreadable = whole.findings, whole.unreadable

    def __len__(self) -> int:
        return len(self.places)

    def __getattr__(self, name: str) -> Any:
        """Return what a task asks of its data set, such as the names of the classes."""
        return getattr(self.whole, name)

    def select(self, places: Iterable[int]) -> Iterator[tuple[int, Any, Any]]:
        """Yield position, sample and label at these positions of the part."""
        own = {self.places[place]: place for place in places}
        for place, sample, label in self.whole.select(own):
            yield own[place], sample, label


def write_part(kind: str, path: Path, places: Sequence[int]) -> Path:
    """Store which samples of a data set are meant, in the cache under the hash of that; return the file's path."""
    data = json.dumps({"kind": kind, "path": str(path.absolute()), "places": list(places)}).encode()
    file = cache_dir() / "datasets" / f"{hashlib.sha256(data).hexdigest()[:20]}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.is_file():
        write_atomic(file, data)
    return file


def open_samples(task: Task, kind: str, path: Path) -> Dataset:
    """Open a data set of a task, or a part of one.

    Raises:
        DataError: It does not exist, or holds no such data set.
    """
    if kind != PART:
        return task.open(kind, path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is no list of samples: {error}", "start the run again") from error
    return Part(task.open(content["kind"], Path(content["path"])), content["places"])
