"""Models of the user: as they are, or under compression settings, on the runtimes that can run them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

from harness.core.artifact import Artifact, Format
from harness.core.case import Case
from harness.core.errors import EdgebenchError, UsageError
from harness.core.verdict import Verdict
from harness.datasets.dataset import open_dataset
from harness.runtimes.installed import by_preference
from suites.post_training import CompressedModel, Split, chosen
from suites.user_model import SETTING, UserModel

from .config import RunConfig
from .preparation import REFERENCE, EvaluationData

USER_DATA = "own"
"""Name of the data set that the user gave with --data, as records carry it."""

Find = Callable[[Format], Artifact]
"""Returns the artifact of a case in a format."""

FLOAT_PARENT = "float parent"
"""The compression label of the model that the user gave with --reference."""

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class UserModels:
    """Model files and labelled images of the user, resolved when they are first asked for.

    Attributes:
        config: The run's configuration.
        alone: Whether no suite is measured beside them: then the only model, if it cannot be used, is an error.
        notify: Called with a line of text for every model file that is built.
    """

    config: RunConfig
    alone: bool
    notify: Callable[[str], None]

    @property
    def cases(self) -> Mapping[Case, Find]:
        """Every case, with the function that finds its artifact."""
        return self._resolved[0]

    @property
    def refused(self) -> Mapping[Case, Verdict]:
        """A case for each model that cannot be used, with the verdict that says why."""
        return self._resolved[1]

    @cached_property
    def _reference(self) -> UserModel | None:
        return UserModel(Path(self.config.reference)) if self.config.reference else None

    def parent(self, case: Case) -> Case | None:
        """Return the float model that a case of the user is compared with; None for a file without one.

        It is the file that the user named, else the one that --compress starts from.
        """
        if self._reference is not None:
            return replace(case, model=self._reference.path.stem, compression=FLOAT_PARENT)
        return replace(case, compression=REFERENCE) if self.config.compress else None

    def parent_artifact(self, case: Case, file_format: Format) -> Artifact:
        """Return the file of a float parent, on whatever runtime.

        Raises:
            UsageError: It has another format, or cannot be made.
        """
        if case.compression == FLOAT_PARENT and self._reference is not None:
            if self._reference.format != file_format:
                raise UsageError(f"{self._reference.path} is no .{file_format} file")
            preprocess = self._reference.preprocess(self.config.preprocess) if self._data is not None else None
            return self._reference.artifact(preprocess)
        for other, find in self.cases.items():
            if (other.model, other.compression) == (case.model, case.compression):
                return find(file_format)
        raise UsageError(f"{case.model} is not among the models")

    @property
    def reference_runtimes(self) -> tuple[str, ...]:
        """Runtimes that can run the float model that the user named, for formats no reference runtime takes."""
        return tuple(_usable_runtimes([self._reference.format])) if self._reference else ()

    def scored_data(self, limit: int | None) -> EvaluationData | None:
        """Return the images to score, at most `limit`; None without any."""
        if self._split:
            return EvaluationData("part", self._split.scored, limit)
        return EvaluationData("folder", self._data, limit) if self._data else None

    @property
    def _data(self) -> Path | None:
        return Path(self.config.data) if self.config.data else None

    @property
    def _threads(self) -> list[int]:
        return [self.config.threads or 1]

    @cached_property
    def _resolved(self) -> tuple[dict[Case, Find], dict[Case, Verdict]]:
        found: dict[Path, dict[Case, Find]] = {}
        refused: dict[Path, dict[Case, Verdict]] = {}
        models = {Path(name).absolute(): Path(name) for name in self.config.models}
        for whole, path in models.items():
            try:
                found[whole] = self._cases(UserModel(path))
            except EdgebenchError as error:
                if self.alone and len(models) == 1:
                    raise
                _log.error("%s", error)
                case = Case(path.stem, SETTING, "none", weights="user")
                refused[whole] = {case: Verdict("unsupported", error.message)}
        return _distinct(found), _distinct(refused)

    def _cases(self, model: UserModel) -> dict[Case, Find]:
        if self.config.compress:
            return self._compressed(model, self.config.compress)
        preprocess = None
        if self._data is not None:
            data = open_dataset("folder", self._data)
            preprocess = model.preprocess(self.config.preprocess)
            model.check_classes(data)
        runtimes = self.config.runtimes or _usable_runtimes([model.format])
        cases = model.cases(runtimes, self._threads, USER_DATA if preprocess else None)
        artifact = model.artifact(preprocess)
        return dict.fromkeys(cases, lambda _: artifact)

    def _compressed(self, model: UserModel, settings: str) -> dict[Case, Find]:
        """Return the cases of the model under `settings`; their files are built when the cases are prepared."""
        config = self.config
        compressed = CompressedModel(
            model, chosen(settings), self._split, config.preprocess, config.shapes, self.notify
        )
        dataset = USER_DATA if self._split else None
        runtimes = config.runtimes or _usable_runtimes(compressed.formats)
        cases = compressed.cases(runtimes, self._threads, dataset)
        return {case: partial(compressed.artifact, case) for case in cases}

    @cached_property
    def _split(self) -> Split | None:
        """The labelled images in two parts, for calibration and for scoring, where models are compressed."""
        return Split(self._data, self.config.seed) if self._data and self.config.compress else None


def _distinct(by_path: Mapping[Path, Mapping[Case, T]]) -> dict[Case, T]:
    """Return what belongs to each case, with models of one name told apart by as many of their folders as needed."""
    folders = dict.fromkeys(by_path, 0)
    while True:
        named = {
            path: {replace(case, model=_name(path, folders[path])): thing for case, thing in cases.items()}
            for path, cases in by_path.items()
        }
        times = Counter(case for cases in named.values() for case in cases)
        alike = [path for path, cases in named.items() if any(times[case] > 1 for case in cases)]
        if not alike:
            return {case: thing for cases in named.values() for case, thing in cases.items()}
        for path in alike:
            folders[path] += 1


def _name(path: Path, folders: int) -> str:
    """Return the file's stem, or with `folders` its path from so many folders above."""
    return "/".join(path.parts[-folders - 1 :]) if folders else path.stem


def _usable_runtimes(formats: Sequence[Format]) -> list[str]:
    """Return the runtimes that can run one of the formats here; where none can, all that take one, to say why."""
    taking = [(name, one) for name, one in by_preference() if set(formats) & set(one.formats)]
    able = [name for name, one in taking if any(one.support(kind).ok for kind in formats)]
    return able or [name for name, _ in taking]
