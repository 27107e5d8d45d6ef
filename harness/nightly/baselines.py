"""The last good build of each case: its model files, and the versions of the packages it ran with.

<folder>/objects/<sha256>/<file>          model files, by content
<folder>/<suite>-<target>-<unit>.json     case id -> build
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Container, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from harness.core.artifact import Artifact, Preprocess, sha256_of, size_of
from harness.core.errors import RecordError
from harness.core.files import write_atomic
from harness.core.model_files.model_copy import copy_model
from harness.measure.prepared import PreparedCase
from harness.stats.nightly.confirmation import LASTING_NIGHTS

SCHEMA = 1

TRIAL_NIGHTS = LASTING_NIGHTS
"""Consecutive nights without a finding after which a build is the last good one."""


@dataclass(frozen=True)
class Build:
    """What a case ran with on one night.

    Attributes:
        run_id: The run that measured the build.
        file: Name of the model file or folder.
        sha256: Hash of all files of the model.
        versions: Versions of the installed packages.
        commit: Commit of the user's repository, '' where it is not known.
        preprocess: The fields of `Preprocess`, None for a model without labelled data.

    """

    run_id: str
    file: str
    sha256: str
    versions: Mapping[str, str]
    commit: str = ""
    preprocess: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, prepared: PreparedCase, run_id: str, versions: Mapping[str, str], commit: str) -> Build:
        """Return the build of a prepared case."""
        artifact = prepared.artifact
        how = asdict(artifact.preprocess) if artifact.preprocess else None
        return cls(run_id, artifact.path.name, artifact.sha256, dict(versions), commit, how)

    def changes(self, old: Build) -> list[str]:
        """List the differences from an older build, such as 'artifact' or 'onnxruntime 1.30.0 -> 1.31.1'."""
        names = sorted({*self.versions, *old.versions})
        changed = [name for name in names if self.versions.get(name) != old.versions.get(name)]
        texts = [
            f"{name} {old.versions.get(name, 'absent')} -> {self.versions.get(name, 'absent')}" for name in changed
        ]
        return [*(["artifact"] if self.sha256 != old.sha256 else []), *texts]


class BaselineStore:
    """The builds of one suite on one unit, listed in the file `index`; `save` writes the list."""

    def __init__(self, index: Path) -> None:
        self._objects = index.parent / "objects"
        self._index = index
        self._good: dict[str, Build] = {}
        self._latest: dict[str, Build] = {}
        self._on_trial: dict[str, list[Build]] = {}
        if index.is_file():
            self._read()

    def last_good(self, case_id: str) -> Build | None:
        """Return the last good build of a case; None if it has none."""
        return self._good.get(case_id)

    def path(self, build: Build) -> Path | None:
        """Return the path of a build's model file; None if it is absent or its contents have changed."""
        path = self._objects / build.sha256 / Path(build.file).name
        return path if path.exists() and sha256_of(path) == build.sha256 else None

    def prepared(self, build: Build, new: PreparedCase) -> PreparedCase | None:
        """Return the case of `new` with the model of `build`; None if that model is gone."""
        path = self.path(build)
        if path is None:
            return None
        how = Preprocess.from_json(build.preprocess) if build.preprocess else None
        old = replace(
            new.artifact,
            path=path,
            sha256=build.sha256,
            size_bytes=size_of(path),
            preprocess=how,
            parameters=None,
            macs=None,
            recipe={},
        )
        labelled = replace(new.labelled, preprocess=how) if new.labelled and how else new.labelled
        return replace(new, artifact=old, labelled=labelled)

    def add_latest(self, case_id: str, build: Build, artifact: Artifact) -> None:
        """Store tonight's build, with its model files, as the latest of its case."""
        self._store_files(artifact)
        self._latest[case_id] = build

    def approve(self, case_id: str) -> None:
        """Count a night without a finding for the latest build; after `TRIAL_NIGHTS` of them it is the last good one.

        Until then pairs run against the older build, so that a regression which one night misses is found in the next.
        """
        trial = self._on_trial.setdefault(case_id, [])
        trial.append(self._latest[case_id])
        if len(trial) == TRIAL_NIGHTS or case_id not in self._good:
            self._good[case_id] = trial.pop(0)

    def restart_trial(self, case_id: str) -> None:
        """Start the trial of the case's builds anew, because one of them may be at fault."""
        self._on_trial.pop(case_id, None)

    def accept(self, text: str) -> list[str]:
        """Make the latest build of each case whose id contains `text` its last good one; return the case ids."""
        accepted = [case for case in self._latest if text in case]
        for case in accepted:
            self._good[case] = self._latest[case]
            self._on_trial.pop(case, None)
        return accepted

    def take_over(self, shared: BaselineStore, runs: Container[str]) -> None:
        """Take over the builds that these runs measured from a list that several units shared."""
        self._good, self._latest = (
            {case: build for case, build in builds.items() if build.run_id in runs}
            for builds in (shared._good, shared._latest)
        )
        trials = {case: [one for one in builds if one.run_id in runs] for case, builds in shared._on_trial.items()}
        self._on_trial = {case: builds for case, builds in trials.items() if builds}

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

    def _store_files(self, artifact: Artifact) -> None:
        folder = self._objects / artifact.sha256
        if (folder / artifact.path.name).exists():
            return
        # a folder of its own: the nights of two units may store one model at the same time
        partial = folder.with_name(f".{artifact.sha256}.{uuid.uuid4().hex}.tmp")
        try:
            copy_model(artifact.path, partial / artifact.path.name)
            _publish(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _read(self) -> None:
        try:
            data = json.loads(self._index.read_text(encoding="utf-8"))
            self._good, self._latest = ({c: Build(**b) for c, b in data[part].items()} for part in ("good", "latest"))
            trials = data.get("on_trial", {})  # not written before there were trials
            self._on_trial = {case: [Build(**build) for build in builds] for case, builds in trials.items()}
        except (ValueError, KeyError, TypeError) as error:
            raise RecordError(
                f"{self._index}: damaged list of builds ({error})", "remove it: the next night writes a new one"
            ) from error


def _publish(partial: Path, folder: Path) -> None:
    """Move the files to their place, which may exist: by another unit's night, or by a file of another name."""
    try:
        partial.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
        for entry in partial.iterdir():
            if not (folder / entry.name).exists():
                entry.rename(folder / entry.name)


def accept(folder: Path, text: str) -> list[str]:
    """Accept the latest builds of cases whose id contains `text`, in all suites and units; return the case ids."""
    accepted: list[str] = []
    for index in sorted(folder.glob("*.json")):
        baselines = BaselineStore(index)
        accepted += baselines.accept(text)
        baselines.save()
    return list(dict.fromkeys(accepted))
