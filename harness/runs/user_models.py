"""Models of the user: as they are, or under compression settings, on the runtimes that can run them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

from harness.core.artifact import Artifact, Format, Preprocess, ScoredOutput
from harness.core.case import Case
from harness.core.errors import EdgebenchError
from harness.core.files import printable
from harness.core.verdict import Finding, Verdict
from harness.datasets.dataset import open_folder
from harness.datasets.manifest import Manifest, checked
from harness.datasets.preprocessing import describe
from harness.runtimes.installed import by_preference
from suites.post_training import CompressedModel, Split, chosen
from suites.user_model import SETTING, UserModel

from .config import RunConfig
from .preparation import EvaluationData

USER_DATA = "own"
"""Name of the data set that the user gave with --data, as records carry it."""

Find = Callable[[Format], Artifact]
"""Returns the artifact of a case in a format."""

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

    def scored_data(self, limit: int | None) -> EvaluationData | None:
        """Return the images to score, at most `limit`; None without any."""
        scored = self._split.scored if self._split else self._images.write() if self._images else None
        return EvaluationData("manifest", scored, limit) if scored else None

    @cached_property
    def _images(self) -> Manifest | None:
        """The labelled images that can be read, each decoded once; what was found about them is shown."""
        if not self.config.data:
            return None
        dataset = open_folder(Path(self.config.data), self.config.labels)
        images = checked(dataset, None if self.config.compress else self.config.images)
        for finding in images.findings:
            self.notify(shown(finding))
        return images

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
                case = Case(printable(path.stem), SETTING, "none", weights="user")
                refused[whole] = {case: Verdict("unsupported", error.message)}
        return _distinct(found), _distinct(refused)

    def _cases(self, model: UserModel) -> dict[Case, Find]:
        if self.config.compress:
            return self._compressed(model, self.config.compress)
        preprocess, output = None, None
        if self._images is not None:
            preprocess = self._preprocess(model)
            output = model.output(self._images.label_mapping, self.config.output)
            self._show_output(model, output)
        runtimes = self.config.runtimes or _usable_runtimes([model.format])
        cases = model.cases(runtimes, self._threads, USER_DATA if preprocess else None)
        artifact = model.artifact(preprocess, output)
        return dict.fromkeys(cases, lambda _: artifact)

    def _preprocess(self, model: UserModel) -> Preprocess:
        """Return how images become inputs; it is shown, with where it comes from."""
        how, source = model.preprocessing(self.config.preprocess)
        self.notify(f"{model.path}: images are made {describe(how)} ({source})")
        return how

    def _show_output(self, model: UserModel, output: ScoredOutput) -> None:
        """Show which output is scored, and how labels are counted where that could have been decided otherwise."""
        assert self._images is not None
        if len(model.outputs) > 1:
            others = ", ".join(name for name in model.outputs if name != output.name)
            self.notify(f"{model.path}: output {output.name} is scored, not {others}; another: --output NAME")
        mapping = replace(self._images.label_mapping, by_name=output.classes)
        for finding in mapping.findings(output.size):
            self.notify(f"{model.path}: {shown(finding)}")

    def _compressed(self, model: UserModel, settings: str) -> dict[Case, Find]:
        """Return the cases of the model under `settings`; their files are built when the cases are prepared."""
        config = self.config
        compressed = CompressedModel(
            model, chosen(settings), self._split, config.preprocess, config.shapes, self.notify, config.output
        )
        if compressed.scored:
            self._preprocess(compressed.float_model)
            self._show_output(compressed.float_model, compressed.scored)
        dataset = USER_DATA if self._split else None
        runtimes = config.runtimes or _usable_runtimes(compressed.formats)
        cases = compressed.cases(runtimes, self._threads, dataset)
        return {case: partial(compressed.artifact, case) for case in cases}

    @cached_property
    def _split(self) -> Split | None:
        """The labelled images in two parts, for calibration and for scoring, where models are compressed."""
        if self._images is None or not self.config.compress:
            return None
        return Split(self._images, Path(self.config.data or ""), self.config.seed)


def shown(finding: Finding) -> str:
    """Return a finding as a line of text, with its remedy where it warns."""
    return f"{finding.found}; {finding.remedy}" if finding.status != "ok" and finding.remedy else finding.found


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
    return printable("/".join(path.parts[-folders - 1 :]) if folders else path.stem)


def _usable_runtimes(formats: Sequence[Format]) -> list[str]:
    """Return the runtimes that can run one of the formats here; where none can, all that take one, to say why."""
    taking = [(name, one) for name, one in by_preference() if set(formats) & set(one.formats)]
    able = [name for name, one in taking if any(one.support(kind).ok for kind in formats)]
    return able or [name for name, _ in taking]
