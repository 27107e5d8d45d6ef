"""The last good build of every case: its files by content, and the versions of everything that it ran under.

<folder>/objects/<sha256>/<file>     model files
<folder>/<suite>-<target>.json       case id -> build
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from harness.core.artifact import Artifact, Preprocess, files_of, sha256_of
from harness.core.errors import RecordError
from harness.core.files import write_atomic
from harness.measure.prepared import PreparedCase
from harness.stats.nightly.confirmation import LASTING_NIGHTS

SCHEMA = 1

TRIAL_NIGHTS = LASTING_NIGHTS
"""Nights without a finding that make a build a good one."""


@dataclass(frozen=True)
class Build:
    """What ran: a model file by hash and name, the installed versions, the commit of the user's repository."""

    run_id: str
    file: str
    sha256: str
    versions: Mapping[str, str]
    commit: str = ""
    preprocess: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, prepared: PreparedCase, run_id: str, versions: Mapping[str, str], commit: str) -> Build:
        """The build of a case that is about to be measured."""
        artifact = prepared.artifact
        how = asdict(artifact.preprocess) if artifact.preprocess else None
        return cls(run_id, artifact.path.name, artifact.sha256, dict(versions), commit, how)

    def changes(self, old: Build) -> list[str]:
        """What differs from an older build, in words: 'artifact', 'onnxruntime 1.30.0 -> 1.31.1'."""
        names = sorted({*self.versions, *old.versions})
        moved = [name for name in names if self.versions.get(name) != old.versions.get(name)]
        texts = [f"{name} {old.versions.get(name, 'absent')} -> {self.versions.get(name, 'absent')}" for name in moved]
        return [*(["artifact"] if self.sha256 != old.sha256 else []), *texts]


class BaselineStore:
    """The kept builds of one suite on one target, listed in the file `index`; saved when a night ends."""

    def __init__(self, index: Path) -> None:
        self._objects = index.parent / "objects"
        self._index = index
        self._good: dict[str, Build] = {}
        self._latest: dict[str, Build] = {}
        self._on_trial: dict[str, list[Build]] = {}
        if index.is_file():
            self._read()

    def good(self, case_id: str) -> Build | None:
        """The last build that has stood its trial, if one was kept."""
        return self._good.get(case_id)

    def path(self, build: Build) -> Path | None:
        """Its model file, None where that is gone or no longer what it was."""
        path = self._objects / build.sha256 / Path(build.file).name
        return path if path.exists() and sha256_of(path) == build.sha256 else None

    def prepared(self, build: Build, new: PreparedCase) -> PreparedCase | None:
        """The kept build in the place of the new one: same case, other file."""
        path = self.path(build)
        if path is None:
            return None
        how = Preprocess.from_json(build.preprocess) if build.preprocess else None
        size = sum(file.stat().st_size for file in files_of(path))
        old = Artifact(path, new.artifact.format, build.sha256, size, new.artifact.weights, preprocess=how)
        labelled = replace(new.labelled, preprocess=how) if new.labelled and how else new.labelled
        return replace(new, artifact=old, labelled=labelled)

    def offer(self, case_id: str, build: Build, artifact: Artifact) -> None:
        """Keep tonight's build as the latest of its case."""
        self._keep_files(artifact)
        self._latest[case_id] = build

    def approve(self, case_id: str) -> None:
        """Nothing was wrong with the latest build tonight; what was so for `TRIAL_NIGHTS` is the last good one.

        Until then the older one is what pairs are run against: a loss that one night overlooks is found in the next.
        """
        trial = self._on_trial.setdefault(case_id, [])
        trial.append(self._latest[case_id])
        if len(trial) == TRIAL_NIGHTS or case_id not in self._good:
            self._good[case_id] = trial.pop(0)

    def doubt(self, case_id: str) -> None:
        """Something was wrong tonight, or may be: no build since the last good one is any better."""
        self._on_trial.pop(case_id, None)

    def accept(self, text: str) -> list[str]:
        """The latest builds of all cases with `text` in their id become the good ones; which those are."""
        found = [case for case in self._latest if text in case]
        for case in found:
            self._good[case] = self._latest[case]
            self._on_trial.pop(case, None)
        return found

    def save(self) -> None:
        """Write the index."""
        self._index.parent.mkdir(parents=True, exist_ok=True)
        document = {
            "schema": SCHEMA,
            "good": {case: asdict(build) for case, build in self._good.items()},
            "latest": {case: asdict(build) for case, build in self._latest.items()},
            "on_trial": {case: [asdict(build) for build in builds] for case, builds in self._on_trial.items()},
        }
        write_atomic(self._index, json.dumps(document, indent=1).encode())

    def _keep_files(self, artifact: Artifact) -> None:
        folder = self._objects / artifact.sha256
        if (folder / artifact.path.name).exists():
            return
        partial = folder.with_name(f".{artifact.sha256}.tmp")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for file in files_of(artifact.path):
            copy = partial / file.relative_to(artifact.path.parent)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
        if not folder.is_dir():
            partial.rename(folder)
            return
        for entry in partial.iterdir():  # another case has the same content under another name
            entry.replace(folder / entry.name)
        partial.rmdir()

    def _read(self) -> None:
        try:
            data = json.loads(self._index.read_text(encoding="utf-8"))
            self._good, self._latest = ({c: Build(**b) for c, b in data[part].items()} for part in ("good", "latest"))
            trials = data.get("on_trial", {})  # not written before there were trials
            self._on_trial = {case: [Build(**build) for build in builds] for case, builds in trials.items()}
        except (ValueError, KeyError, TypeError) as error:
            raise RecordError(
                f"{self._index}: damaged list of kept builds ({error})", "remove it: tonight's builds are kept anew"
            ) from error


def accept(folder: Path, text: str) -> list[str]:
    """Take the latest builds of cases with `text` in their id as good, in every suite and target of the folder."""
    found: list[str] = []
    for index in sorted(folder.glob("*.json")):
        kept = BaselineStore(index)
        found += kept.accept(text)
        kept.save()
    return found
