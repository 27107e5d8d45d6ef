"""Models of the user: as they are, or under compression settings, on the runtimes that can run them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

from harness.core import plugins
from harness.core.artifact import Artifact, Format, Preprocess
from harness.core.case import Case
from harness.core.errors import EdgebenchError, ModelError, UnknownName, UsageError
from harness.core.printable import escape_surrogates
from harness.core.task import Interface, Task, UserData, Wanted
from harness.core.verdict import Finding, Verdict
from harness.datasets.preprocessing import describe
from harness.measure.given_inputs import MOST, GivenInputs
from harness.runtimes.inputs import ONLY
from harness.runtimes.installed import by_preference
from harness.runtimes.synthetic import DESCRIBED
from suites.inspection import Inspection
from suites.post_training import CompressedModel, Split, chosen
from suites.suite import AS_IS
from suites.user_model import UserModel

from .config import RunConfig
from .preparation import REFERENCE, EvaluationData

USER_DATA = "own"
"""Name of the data set that the user gave with --data, as records carry it."""

Find = Callable[[Format], Artifact]
"""Returns the artifact of a case in a format."""

FLOAT_PARENT = "float parent"
"""The compression label of the model that the user gave with --reference."""

ALL_SIGNATURES = "all"

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ResolvedModels:
    """The models of the user as cases.

    Attributes:
        cases: Every case, with the function that finds its artifact.
        refused: A case for each model that cannot be used, with the verdict that says why.
        signatures: The signature that a model's cases run, by the model's name; without those of primary ones.
    """

    cases: Mapping[Case, Find]
    refused: Mapping[Case, Verdict]
    signatures: Mapping[str, str]


@dataclass(frozen=True)
class UserModels:
    """Model files and labelled images of the user, resolved when they are first asked for.

    Attributes:
        config: The run's configuration.
        alone: Whether no suite is measured beside them: then the only model, if it cannot be used, is an error.
        notify: Called with a line of text for every model file that is built.
        threads: Numbers of intra-op threads, each for cases of its own; empty for that of the configuration.
        dataset: Name of their images, as records carry it.
    """

    config: RunConfig
    alone: bool
    notify: Callable[[str], None]
    threads: tuple[int, ...] = ()
    dataset: str = USER_DATA

    @cached_property
    def given(self) -> GivenInputs | None:
        """Arrays that the models are measured with.

        Raises:
            UsageError: The file cannot be read.
        """
        return GivenInputs.read(Path(self.config.inputs)) if self.config.inputs else None

    @property
    def cases(self) -> Mapping[Case, Find]:
        """Every case, with the function that finds its artifact."""
        return self._resolved.cases

    @property
    def refused(self) -> Mapping[Case, Verdict]:
        """A case for each model that cannot be used, with the verdict that says why."""
        return self._resolved.refused

    @cached_property
    def _references(self) -> Mapping[str, UserModel]:
        """The float model that the user named, under each of its signatures and '' for the primary one."""
        if not self.config.reference:
            return {}
        path = Path(self.config.reference)
        primary = self._model(path)
        return {"": primary, **{name: self._model(path, name) for name in primary.signatures}}

    def parent(self, case: Case) -> Case | None:
        """Return the float model that a case of the user is compared with; None for a file without one.

        It is the file that the user named, else the one that --compress starts from.
        """
        if references := self._references:
            reference = references.get(self._resolved.signatures.get(case.model, ""), references[""])
            return replace(case, model=reference.name, compression=FLOAT_PARENT, batch=reference.samples)
        return replace(case, compression=REFERENCE) if self.config.compress else None

    def parent_artifact(self, case: Case, file_format: Format) -> Artifact:
        """Return the file of a float parent, on whatever runtime.

        Raises:
            UsageError: It has another format, or cannot be made.
        """
        if case.compression == FLOAT_PARENT:
            reference = next(one for one in self._references.values() if one.name == case.model)
            if reference.format != file_format:
                raise UsageError(f"{reference.path} is no .{file_format} file")
            return self._artifact(reference)
        for other, find in self.cases.items():
            if (other.model, other.compression) == (case.model, case.compression):
                return find(file_format)
        raise UsageError(f"{case.model} is not among the models")

    @property
    def reference_names(self) -> set[str]:
        """Names of the float model that the user named, one for each of its signatures."""
        return {reference.name for reference in self._references.values()}

    @property
    def reference_runtimes(self) -> tuple[str, ...]:
        """Runtimes that can run the float model that the user named, for formats no reference runtime takes."""
        return tuple(_usable_runtimes([self._references[""].format])) if self._references else ()

    def scored_data(self, limit: int | None) -> EvaluationData | None:
        """Return the images to score, at most `limit`; None without any."""
        if self._split:
            return EvaluationData(*self._split.scored, limit, task=self._task.name)
        data = self._data
        return EvaluationData(data.kind, data.path, limit, task=self._task.name) if data else None

    @cached_property
    def _task(self) -> Task:
        """What the models are to do."""
        task: Task = plugins.load("tasks", self.config.task)
        return task

    @cached_property
    def _data(self) -> UserData | None:
        """The labelled samples that can be read; what was found about them is shown."""
        if not self.config.data:
            return None
        limit = None if self.config.compress else self.config.images
        data = self._task.list_samples(Path(self.config.data), self.config.labels, limit)
        for finding in data.dataset.findings:
            self.notify(shown(finding))
        return data

    @property
    def _threads(self) -> list[int]:
        return list(self.threads) or [self.config.threads or 1]

    @cached_property
    def _resolved(self) -> ResolvedModels:
        cases: dict[Path, dict[Case, Find]] = {}
        refused: dict[Path, dict[Case, Verdict]] = {}
        paths = {Path(name).absolute(): Path(name) for name in self.config.models}
        for absolute, path in paths.items():
            try:
                cases[absolute] = {
                    case: find for model in self._entries(path) for case, find in self._cases(model).items()
                }
            except EdgebenchError as error:
                if self.alone and len(paths) == 1:
                    raise
                _log.error("%s", error)
                case = Case(path.stem, AS_IS, "none", weights="user")
                refused[absolute] = {case: Verdict("unsupported", error.message, error.remedy)}
        self._check_shapes()
        self._check_inputs()
        names = _distinct_names(cases, refused)
        signatures = {
            _renamed(case, path, names).model: case.model.removeprefix(f"{path.stem}:")
            for path, found in cases.items()
            for case in found
            if case.model != path.stem
        }
        return ResolvedModels(_named(cases, names), _named(refused, names), signatures)

    def _entries(self, path: Path) -> list[UserModel]:
        """Return the model at `path` once for each of the signatures asked for."""
        wanted = dict.fromkeys(self.config.signatures)
        if ALL_SIGNATURES in wanted:
            wanted = dict.fromkeys(self._model(path).signatures)
        return [self._model(path, name) for name in wanted or ("",)]

    def _model(self, path: Path, signature: str = "") -> UserModel:
        """Return the model at `path`, with those of the given shapes that are its own."""
        model = UserModel(path, self.config.shapes, self.config.batch, self.given, signature)
        self._models.append(model)
        return model

    @cached_property
    def _models(self) -> list[UserModel]:
        """The models that could be read."""
        return []

    def _check_shapes(self) -> None:
        """Refuse a shape of an input that no model has: the model would be measured with another one."""
        if not self.config.shapes:
            return
        inputs = [name for model in self._models for name in model.input_names]
        for name in self.config.shapes:
            if inputs and name not in inputs:
                raise UnknownName("input of --shape", name, inputs)

    def _check_inputs(self) -> None:
        """Refuse an array for an input that no model has: it may be a slip of the pen."""
        if self.given is None:
            return
        inputs = [name for model in self._models for name in model.input_names]
        for name in self.given.shapes:
            if inputs and name not in (*inputs, ONLY):
                raise UnknownName(f"input in {self.config.inputs}", name, inputs)

    def _cases(self, model: UserModel) -> dict[Case, Find]:
        """Return the cases of a model; those of other inputs are other cases."""
        cases = self._compressed(model, self.config.compress) if self.config.compress else self._as_is(model)
        self._show_values(model)
        digest = self.given.digest if self.given else ""
        return {replace(case, inputs=digest): find for case, find in cases.items()}

    def _show_values(self, model: UserModel) -> None:
        """Show what the inputs hold, where they are the user's or integers: the time may depend on it."""
        try:
            found = model.inspection
        except ModelError:  # what is wrong with it is the result of its cases
            return
        if self.given is not None:
            most = f" (at most {MOST} are taken)" if found.n_inputs == MOST else ""
            inputs = counted_inputs(found.n_inputs)
            self.notify(f"{model.path}: {inputs} from {self.given.path}{most}: {', '.join(shown_inputs(found))}")
        elif set(found.values.values()) - {DESCRIBED["bytes"]}:
            inputs = ", ".join(shown_inputs(found, with_values=True))
            self.notify(f"{model.path}: inputs are synthetic: {inputs}; real ones: --inputs FILE")

    def _as_is(self, model: UserModel) -> dict[Case, Find]:
        artifact = self._artifact(model)
        runtimes = self.config.runtimes or _usable_runtimes([model.format])
        cases = model.cases(runtimes, self._threads, self.dataset if artifact.preprocess else None)
        return dict.fromkeys(cases, lambda _: artifact)

    def _artifact(self, model: UserModel) -> Artifact:
        """Return the model's file, with how samples become inputs and outputs are read, where there are samples."""
        if self._data is None:
            return model.artifact(None)
        preprocess = self._preprocess(model)
        wanted = self._wanted(model)
        interface = self._task.interface(preprocess, model.inspection.sample_outputs, wanted)
        self._show_interface(model, interface)
        return model.artifact(preprocess, interface)

    def _wanted(self, model: UserModel) -> Wanted:
        assert self._data is not None
        names = model.metadata.class_names
        return Wanted(self._data.dataset, self.config.output, self.config.decode or "", names)

    def _preprocess(self, model: UserModel) -> Preprocess:
        """Return how images become inputs; it is shown, with where it comes from."""
        if not self._task.takes_images:
            return Preprocess()
        how, source = model.preprocessing(self.config.preprocess)
        self.notify(f"{model.path}: images are converted to {describe(how)} ({source})")
        return how

    def _show_interface(self, model: UserModel, how: Interface) -> None:
        """Show which output is scored, and what else could have been decided otherwise."""
        if how.output and how.output.name and len(model.inspection.sample_outputs) > 1:
            others = ", ".join(name for name in model.inspection.sample_outputs if name != how.output.name)
            self.notify(f"{model.path}: output {how.output.name} is scored, not {others}; another: --output NAME")
        for finding in self._task.decided(how, self._wanted(model)):
            self.notify(f"{model.path}: {shown(finding)}")

    def _compressed(self, model: UserModel, settings: str) -> dict[Case, Find]:
        """Return the cases of the model under `settings`; their files are built when the cases are prepared."""
        config = self.config
        compressed = CompressedModel(
            model,
            chosen(settings),
            self._split,
            config.preprocess,
            model.fixed_shapes,
            self.notify,
            config.output,
            config.decode or "",
        )
        if compressed.interface:
            self._preprocess(compressed.float_model)
            self._show_interface(compressed.float_model, compressed.interface)
        dataset = self.dataset if self._split else None
        runtimes = config.runtimes or _usable_runtimes(compressed.formats)
        cases = compressed.cases(runtimes, self._threads, dataset)
        return {case: partial(compressed.artifact, case) for case in cases}

    @cached_property
    def _split(self) -> Split | None:
        """The labelled samples in two parts, for calibration and for scoring, where models are compressed."""
        if self._data is None or not self.config.compress:
            return None
        if not hasattr(self._data.dataset, "files"):
            raise UsageError(
                f"--compress splits the data for calibration, and that of {self._task.name} lists no files",
                "quantize the model apart, and measure both files: --model INT8 --reference FLOAT",
            )
        return Split(self._data.dataset, Path(self.config.data or ""), self.config.seed, self._task, self._data.kind)


def counted_inputs(n: int) -> str:
    """Return 'one input' or '8 inputs in rotation'."""
    return "one input" if n == 1 else f"{n} inputs in rotation"


def shown_inputs(found: Inspection, with_values: bool = False) -> list[str]:
    """Return each input with its shape, and if wanted with what it holds other than random numbers."""
    shapes = {name: "x".join(map(str, shape)) or "scalar" for name, shape in found.inputs.items()}
    values = {name: f" ({words})" for name, words in found.values.items()} if with_values else {}
    return [f"{name} {shape}{values.get(name, '')}" for name, shape in shapes.items()]


def shown(finding: Finding) -> str:
    """Return a finding as a line of text, with its remedy where it warns."""
    return f"{finding.found}; {finding.remedy}" if finding.status != "ok" and finding.remedy else finding.found


def _distinct_names(*groups: Mapping[Path, Mapping[Case, Any]]) -> dict[Path, str]:
    """Return the name of each model: its stem, or as many of its folders and its file as tell it from the others.

    Files of one stem are one model in several formats where they lie side by side and no case is the same; elsewhere
    they are models apart: every exporter calls its file model.onnx.
    """
    cases = {path: list(cases) for group in groups for path, cases in group.items()}
    folders = dict.fromkeys(cases, 0)
    while True:
        names = {path: _name(path, folders[path]) for path in cases}
        alike = [path for path in cases if any(_clash(path, other, names, cases) for other in cases)]
        if not alike:
            return names
        for path in alike:
            folders[path] += 1


def _clash(path: Path, other: Path, names: Mapping[Path, str], cases: Mapping[Path, Sequence[Case]]) -> bool:
    """Return whether two models cannot both have their names."""
    if path == other or names[path] != names[other]:
        return False
    return path.parent != other.parent or bool(set(cases[path]) & set(cases[other]))


def _name(path: Path, folders: int) -> str:
    """Return the file's stem, or with `folders` its path from so many folders above."""
    return escape_surrogates("/".join(path.parts[-folders - 1 :]) if folders else path.stem)


def _named(by_path: Mapping[Path, Mapping[Case, T]], names: Mapping[Path, str]) -> dict[Case, T]:
    """Return what belongs to each case, the models called by their names."""
    return {_renamed(case, path, names): thing for path, things in by_path.items() for case, thing in things.items()}


def _renamed(case: Case, path: Path, names: Mapping[Path, str]) -> Case:
    """Return the case of a model with its name instead of the stem; a signature behind it stays."""
    return replace(case, model=names[path] + case.model.removeprefix(path.stem))


def _usable_runtimes(formats: Sequence[Format]) -> list[str]:
    """Return the runtimes that can run one of the formats here; where none can, all that take one, to say why."""
    fitting = [(name, one) for name, one in by_preference() if set(formats) & set(one.formats)]
    usable = [name for name, one in fitting if any(one.support(kind).ok for kind in formats)]
    return usable or [name for name, _ in fitting]
