"""What the nights of one suite on one unit keep beside the store: verdicts, and the builds of their cases.

<folder>/nightly/<suite>-<target>-<unit>/<run id>.json    verdicts of a night
<folder>/kept/<suite>-<target>-<unit>.json                builds (`baselines`)
<folder>/environments/<unit>/                             older package versions (`environments`)

Older versions kept the first two by suite and target, so that units shared them. The first night of a unit takes over
what its own runs wrote.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.quantity import microseconds
from harness.core.record import RunHeader

from .baselines import BaselineStore


@dataclass(frozen=True)
class UnitFiles:
    """The paths of one suite on one unit.

    Attributes:
        folder: Folder of the store.
        shared: Name of the files that older versions kept: suite and target.
        unit: Id of the unit, '' where it is unknown.
    """

    folder: Path
    shared: str
    unit: str

    @classmethod
    def of(cls, folder: Path, header: RunHeader) -> UnitFiles:
        """Return the paths for a run's suite, target and unit."""
        return cls(folder, f"{_slug(header.suite)}-{_slug(header.target)}", _slug(header.unit))

    @property
    def verdicts(self) -> Path:
        """The folder of the verdicts, one file per night."""
        return self.folder / "nightly" / self._name

    @property
    def builds(self) -> Path:
        """The list of builds."""
        return self.folder / "kept" / f"{self._name}.json"

    @property
    def environments(self) -> Path:
        """The folder of virtual environments."""
        return self.folder / "environments" / self.unit

    @property
    def _name(self) -> str:
        return f"{self.shared}-{self.unit}" if self.unit else self.shared

    def take_over(self, runs: Collection[str]) -> None:
        """Take over what older versions kept of these runs; does nothing once the unit has files of its own."""
        verdicts = self.folder / "nightly" / self.shared
        if not self.verdicts.exists():
            self.verdicts.mkdir(parents=True)
            for path in verdicts.glob("*.json"):
                if path.stem in runs:
                    shutil.copyfile(path, self.verdicts / path.name)
        builds = self.folder / "kept" / f"{self.shared}.json"
        if not self.builds.exists() and builds.is_file():
            own = BaselineStore(self.builds)
            own.take_over(BaselineStore(builds), runs)
            own.save()


def documents(folder: Path) -> list[dict[str, Any]]:
    """Return the stored verdicts of a folder, newest night first."""
    nights = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")]
    return sorted(nights, key=_sequence, reverse=True)


def all_documents(folder: Path) -> list[dict[str, Any]]:
    """Return the verdicts of all suites and units of a store, newest night first, each once."""
    places = sorted((folder / "nightly").glob("*"))
    by_run = {night["run_id"]: night for place in places for night in documents(place)}
    return sorted(by_run.values(), key=_sequence, reverse=True)


def matching(nights: Iterable[dict[str, Any]], text: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield (night, outcome) for each outcome whose series contains `text`."""
    return ((night, outcome) for night in nights for outcome in night["outcomes"] if text in outcome["series"])


def _sequence(night: dict[str, Any]) -> int:
    """Return a night's sequence number; a night of a version without one has its start, which the store took for it."""
    return int(night.get("sequence") or microseconds(night["started_utc"]))


def _slug(text: str) -> str:
    return "".join(char if char.isalnum() or char in "-_." else "_" for char in text)
