"""The models of the user in a run: those of the command line, and those of the suite, each with its options."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from harness.core.artifact import Artifact, Format
from harness.core.case import Case
from harness.core.errors import UsageError
from harness.core.verdict import Verdict
from harness.datasets.label_mapping import LabelChoice
from harness.measure.given_inputs import GivenInputs
from suites.nightly_rules import NightlyRule
from suites.suite import AS_IS, Group, ModelFile, Suite

from .config import RunConfig
from .preparation import EvaluationData
from .user_models import FLOAT_PARENT, USER_DATA, Find, UserModels


@dataclass(frozen=True)
class _Entry:
    """Models with one set of options; those of the command line have no `group` and no `file` in the suite."""

    models: UserModels
    group: Group | None = None
    file: ModelFile | None = None

    def configured(self, case: Case) -> Case:
        """Return the case under the scenario of its group."""
        if self.group is None:
            return case
        return replace(case, scenario=self.group.scenario, load=self.group.load, driver=self.group.driver)

    @property
    def names(self) -> set[str]:
        """What its models are called."""
        return {case.model for case in (*self.models.cases, *self.models.refused)}


@dataclass(frozen=True)
class OwnModels:
    """The models of the user, each with its own data, labels, reference and shapes.

    Attributes:
        config: The run's configuration, with the models of the command line.
        suite: The suite; None where only those of the command line are measured.
        notify: Called with a line of text for every model file that is built, and for what is found about a model.
    """

    config: RunConfig
    suite: Suite | None
    notify: Callable[[str], None]

    @cached_property
    def _entries(self) -> list[_Entry]:
        entries = []
        if self.config.models:
            entries.append(_Entry(UserModels(self.config, self.suite is None, self.notify)))
        for group, file in self._files():
            entries.append(_Entry(self._models(group, file), group, file))
        return entries

    def _files(self) -> Iterator[tuple[Group, ModelFile]]:
        """Yield the suite's files, except those of groups without any runtime of the command line."""
        for group in self.suite.groups if self.suite else ():
            if not group.runtimes or not self.config.runtimes or self._runtimes(group):
                for file in group.files:
                    yield group, file

    def _models(self, group: Group, file: ModelFile) -> UserModels:
        """Return the models of a suite's entry, with the command line's options for all cases."""
        settings = ",".join(setting for setting in group.compression if setting != AS_IS)
        (batch,) = group.batch
        config = replace(
            self.config,
            models=file.files,
            data=file.data,
            reference=file.reference,
            compress=settings or None,
            task=file.task,
            decode=file.decode,
            preprocess=file.preprocess,
            output=file.output,
            labels=LabelChoice(file.label_offset, file.label_order),
            inputs=None,
            shapes=file.shapes,
            signatures=(),
            runtimes=self._runtimes(group),
            batch=self.config.batch or (batch if batch > 1 else None),
        )
        threads = (self.config.threads,) if self.config.threads else group.threads
        dataset = USER_DATA if self._alone else f"{USER_DATA}:{Path(file.files[0]).stem}"
        return UserModels(config, False, self.notify, threads, dataset)

    def _runtimes(self, group: Group) -> Sequence[str]:
        """Return the runtimes that both name; if one names none, those of the other."""
        wanted = self.config.runtimes
        if not wanted or not group.runtimes:
            return wanted or group.runtimes
        return [name for name in group.runtimes if name in wanted]

    @property
    def _alone(self) -> bool:
        """Whether at most one entry has data, so that the data set needs no distinct name."""
        with_data = [file for _, file in self._files() if file.data]
        return len(with_data) + bool(self.config.models and self.config.data) <= 1

    @cached_property
    def cases(self) -> Mapping[Case, Find]:
        """Every case, with the function that finds its artifact.

        Raises:
            UsageError: Two entries have models of one name.
        """
        self._check_names()
        return {entry.configured(case): find for entry in self._entries for case, find in entry.models.cases.items()}

    @cached_property
    def refused(self) -> Mapping[Case, Verdict]:
        """A case for each model that cannot be used, with the verdict that says why."""
        return {case: verdict for entry in self._entries for case, verdict in entry.models.refused.items()}

    @property
    def given(self) -> GivenInputs | None:
        """Arrays that the models of the command line are measured with."""
        return self._entries[0].models.given if self.config.models else None

    @property
    def rules(self) -> tuple[NightlyRule, ...]:
        """The limits of the suite's entries, each for its own models."""
        return tuple(
            NightlyRule(model=name, limits=entry.file.limits)
            for entry in self._entries
            if entry.file and entry.file.limits
            for name in sorted(entry.names)
        )

    def shapes(self, case: Case) -> Mapping[str, tuple[int, ...]]:
        """Return the shapes of dynamic inputs that were given for the model of a case."""
        entry = self._owner(case)
        return entry.models.config.shapes if entry else self.config.shapes

    def parent(self, case: Case) -> Case | None:
        """Return the float model that a case of the user is compared with; None for a file without one."""
        entry = self._owner(case)
        return entry.models.parent(case) if entry else None

    def parent_artifact(self, case: Case, file_format: Format) -> Artifact:
        """Return the file of a float parent, on whatever runtime.

        Raises:
            UsageError: It has another format, or cannot be made.
        """
        entry = self._owner(case)
        if entry is None:
            raise UsageError(f"{case.model} is not among the models")
        return entry.models.parent_artifact(case, file_format)

    def data(self, limit: int | None) -> dict[str, EvaluationData]:
        """Return the images to score, at most `limit`, by the name of their data set."""
        found = ((entry.models.dataset, entry.models.scored_data(limit)) for entry in self._entries)
        return {name: data for name, data in found if data}

    @property
    def reference_runtimes(self) -> tuple[str, ...]:
        """Runtimes that can run the float models that were named, for formats no reference runtime takes."""
        return tuple(dict.fromkeys(name for entry in self._entries for name in entry.models.reference_runtimes))

    def _owner(self, case: Case) -> _Entry | None:
        """Return the entry that a case belongs to, that of a float parent by the name of the reference."""
        for entry in self._entries:
            names = entry.models.reference_names if case.compression == FLOAT_PARENT else entry.names
            if case.model in names:
                return entry
        return None

    def _check_names(self) -> None:
        """Raise UsageError if two entries have models or references of one name."""
        seen: dict[tuple[str, str], _Entry] = {}
        for entry in self._entries:
            references = {(name, entry.models.config.reference or "") for name in entry.models.reference_names}
            for name in entry.names:
                if seen.setdefault((name, ""), entry) is not entry:
                    raise UsageError(f"two models are called {name}", "give one of the files another name")
            for name, path in references:
                other = seen.setdefault((name, "reference"), entry)
                if other.models.config.reference != path:
                    raise UsageError(f"two references are called {name}", "give one of the files another name")
