"""Models of the user's own, as they are or under every setting asked for, on the runtimes that can take them."""

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
from harness.core.errors import EdgebenchError
from harness.core.verdict import Verdict
from harness.datasets.dataset import open_dataset
from harness.runtimes.installed import by_preference
from suites.post_training import CompressedModel, Split, chosen
from suites.user_model import SETTING, UserModel

from .plan import EvaluationData

OWN = "own"
"""Name of the data set that is the user's own."""

Find = Callable[[Format], Artifact]
"""Gives the artifact of a case in a format."""

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OwnModels:
    """Model files and labelled images of the user's. The fields are those of `Request`.

    `alone` says that no suite is measured beside them: a single model that cannot be used is then an error.
    """

    models: Sequence[Path]
    data: Path | None
    compress: str | None
    preprocess: str | None
    shapes: Mapping[str, tuple[int, ...]]
    runtimes: Sequence[str]
    threads: int
    seed: int
    alone: bool
    tell: Callable[[str], None]

    @property
    def cases(self) -> Mapping[Case, Find]:
        """What finds the artifact of each case."""
        return self._all[0]

    @property
    def refused(self) -> Mapping[Case, Verdict]:
        """A case for each model that cannot be used, and why."""
        return self._all[1]

    def scored(self, limit: int | None) -> EvaluationData | None:
        """The images that are scored, at most `limit`; None without any."""
        if self._split:
            return EvaluationData("part", self._split.scored, limit)
        return EvaluationData("folder", self.data, limit) if self.data else None

    @cached_property
    def _all(self) -> tuple[dict[Case, Find], dict[Case, Verdict]]:
        found: dict[Path, dict[Case, Find]] = {}
        refused: dict[Path, dict[Case, Verdict]] = {}
        models = {path.absolute(): path for path in self.models}
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
        if self.compress:
            return self._compressed(model, self.compress)
        how = None
        if self.data is not None:
            data = open_dataset("folder", self.data)
            how = model.preprocess(self.preprocess)
            model.check_classes(data)
        cases = model.cases(self.runtimes or _able([model.format]), [self.threads], OWN if how else None)
        artifact = model.artifact(how)
        return dict.fromkeys(cases, lambda _: artifact)

    def _compressed(self, model: UserModel, settings: str) -> dict[Case, Find]:
        """The model under the settings asked for; its files are made when the cases are prepared."""
        net = CompressedModel(model, chosen(settings), self._split, self.preprocess, self.shapes, self.tell)
        dataset = OWN if self._split else None
        cases = net.cases(self.runtimes or _able(net.formats), [self.threads], dataset)
        return {case: partial(net.artifact, case) for case in cases}

    @cached_property
    def _split(self) -> Split | None:
        """The data, parted into what calibrates and what is scored, where nets are to be compressed."""
        return Split(self.data, self.seed) if self.data and self.compress else None


def _distinct(by_path: Mapping[Path, Mapping[Case, T]]) -> dict[Case, T]:
    """What belongs to each case; models whose cases are the same are named by as many folders as tell them apart."""
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
    """The file's stem; with `folders` its whole name behind so many of the folders it lies in."""
    return "/".join(path.parts[-folders - 1 :]) if folders else path.stem


def _able(formats: Sequence[Format]) -> list[str]:
    """Runtimes that can run one of the formats here; where none can, all that take one: their refusals say why."""
    taking = [(name, one) for name, one in by_preference() if set(formats) & set(one.formats)]
    able = [name for name, one in taking if any(one.support(kind).ok for kind in formats)]
    return able or [name for name, _ in taking]
