"""Suite files: which models under which settings on which runtimes, as TOML, expanded to cases.

A model is either the name of a model of the project or a file of the user.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from harness.core import plugins
from harness.core.case import Case
from harness.core.errors import DescriptorError, UnknownName
from harness.core.metric import Limit
from harness.core.quality import CLASSIFICATION
from harness.core.scenario import LOAD_PARAMETERS, Driver, Load, Scenario

from .artifacts import catalog
from .nightly_rules import NightlyRule

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FOLDER = Path(__file__).parent


AS_IS = "as-is"
"""The compression setting of a user's file that is measured unchanged."""


_OF_IMAGES = ("preprocess", "output", "label_offset", "label_order")


@dataclass(frozen=True)
class ModelFile:
    """A model file of the user; fields are named like the options of `edgebench run --model`.

    Attributes:
        file: The model; several files are the model in several formats. Paths here are relative to the suite's file.
        data: Folder of labelled images, one sub-folder per class.
        reference: The float model that the file was made from.
        task: What the model is to do: the name of a task.
        decode: Convention of its outputs, where the task cannot recognise it.
        preprocess: How images become inputs: a preset, or settings.
        output: Name of the output that is scored.
        label_offset: Label 0 of `data` is this output of the model.
        label_order: How folders that are named by numbers are counted.
        shapes: Shapes of dynamic inputs, by input name.
        limits: Bounds on its cases, such as 'p50 <= 20 ms' or 'top1 >= 0.88'.

    Raises:
        ValueError: A limit cannot be parsed, there is no file, or it is said how images are scored and there are none.
    """

    file: str | tuple[str, ...]
    data: str | None = None
    reference: str | None = None
    task: str = CLASSIFICATION
    decode: str | None = None
    preprocess: str | None = None
    output: str | None = None
    label_offset: int | None = None
    label_order: Literal["name", "number"] | None = None
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    limits: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.files or not all(self.files):
            raise ValueError("file is empty: give the path of a model")
        scored = [name for name in _OF_IMAGES if getattr(self, name) is not None]
        if scored and self.data is None:
            raise ValueError(f"{', '.join(scored)} without data: name the labelled images, or leave it out")
        for text in self.limits:
            Limit.parse(text)

    @property
    def files(self) -> tuple[str, ...]:
        """Every file of the model."""
        return (self.file,) if isinstance(self.file, str) else self.file

    def below(self, folder: Path) -> ModelFile:
        """Return it with paths that are relative to `folder` made relative to the working directory."""

        def there(path: str | None) -> str | None:
            return None if path is None else str(folder / Path(path).expanduser())

        files = tuple(str(folder / Path(path).expanduser()) for path in self.files)
        return replace(self, file=files, data=there(self.data), reference=there(self.reference))


@dataclass(frozen=True)
class Group:
    """A full cross product of models, names and counts under one scenario.

    Attributes:
        models: Names of the project's models, and files of the user.
        compression: Settings; those of a user's file are built from it, except 'as-is'.
        runtimes: Runtimes; if empty, which only user files allow, all that can run them.
        threads: Numbers of intra-op threads.
        batch: Numbers of samples per inference.
        scenario: What is measured, in MLPerf's terms.
        driver: What sends the queries.
        samples_per_query: Samples of a query (MultiStream).
        streams: Streams that infer side by side (Offline).
        rate_per_s: Queries, or frames, per second (Server, paced).
        latency_bound_ns: Bound that the 99th percentile of latency must keep (Server).
        minutes: How long it is measured (sustained).
        dataset: What accuracy is scored on, None for nets that know no labels.

    Raises:
        ScenarioError: The parameters do not fit the scenario.
        ValueError: A name of a model without compression or runtimes.
    """

    models: tuple[str | ModelFile, ...]
    compression: tuple[str, ...] = ()
    runtimes: tuple[str, ...] = ()
    threads: tuple[int, ...] = (1,)
    batch: tuple[int, ...] = (1,)
    scenario: Scenario = "SingleStream"
    driver: Driver = "own"
    samples_per_query: int | None = None
    streams: int | None = None
    rate_per_s: float | None = None
    latency_bound_ns: int | None = None
    minutes: float | None = None
    dataset: str | None = None

    def __post_init__(self) -> None:
        self.load.with_defaults(self.scenario)
        if self.files and len(self.batch) != 1:
            raise ValueError("batch: a file of your own takes one size at a time; repeat the table for others")
        for key in ("compression", "runtimes"):
            if self.names and not getattr(self, key):
                raise ValueError(f"{key} is missing: only files of your own may leave it out")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the project's models."""
        return tuple(model for model in self.models if isinstance(model, str))

    @property
    def files(self) -> tuple[ModelFile, ...]:
        """Model files of the user."""
        return tuple(model for model in self.models if isinstance(model, ModelFile))

    @property
    def load(self) -> Load:
        """The scenario's parameters as they stand in the file."""
        return Load(**{name: getattr(self, name) for name in LOAD_PARAMETERS})


@dataclass(frozen=True)
class Suite:
    """A named list of groups.

    Attributes:
        name: Name of the file, without its suffix.
        title: What the suite is for.
        profile: How long each case is measured unless the command says otherwise.
        groups: The groups of cases.
        nightly: Limits and smallest effects for nightly runs, in addition to the defaults.
    """

    name: str
    title: str
    profile: str
    groups: tuple[Group, ...]
    nightly: tuple[NightlyRule, ...] = ()


def names() -> list[str]:
    """Return the built-in suites."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str) -> Suite:
    """Return a built-in suite by name, or a suite file by path.

    Raises:
        UnknownName: There is no such suite.
        DescriptorError: The file cannot be read as a suite.
    """
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not path.is_file():
        if Path(name).suffix or Path(name).name != name:
            raise DescriptorError(f"no such suite or model file: {name}", _near(Path(name)))
        raise UnknownName("suite", name, names())
    try:
        return loads(path.read_text(encoding="utf-8"), path)
    except UnicodeDecodeError as error:
        raise DescriptorError(f"{path} is not valid TOML: {error}") from error


def _near(path: Path) -> str:
    """Return the file beside a missing one whose name is nearest, and the built-in suites."""
    import difflib

    beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, beside, n=1)
    hint = f"did you mean {path.with_name(near[0])}? " if near else ""
    return f"{hint}built-in suites: {', '.join(names())}"


def loads(text: str, path: Path) -> Suite:
    """Return the suite that `text` describes, which is or will be the file at `path`.

    Raises:
        DescriptorError: The text cannot be read as a suite.
        UnknownName: There is no such model, setting, runtime or data set.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DescriptorError(f"{path} is not valid TOML: {error}") from error
    return _checked(data, path)


def _checked(data: dict[str, Any], path: Path) -> Suite:
    """Return the file's tables as dataclasses.

    Raises:
        DescriptorError: A key is unknown or has the wrong type; the message names it.
    """
    from pydantic import ValidationError

    settings = {**data, "name": path.stem, "groups": data.pop("cases", [])}
    settings.pop("cases", None)
    try:
        suite = _adapter().validate_python((settings,))[0]
    except ValidationError as error:
        raise _invalid(path, error.errors(include_url=False)) from error
    if not suite.groups:
        raise DescriptorError(f"{path}: no [[cases]] in it")
    suite = replace(suite, groups=tuple(_below(group, path.parent) for group in suite.groups))
    for group in suite.groups:
        _check_names(group)
    return suite


@cache
def _adapter() -> TypeAdapter[tuple[Suite]]:
    from pydantic import ConfigDict, TypeAdapter

    return TypeAdapter(tuple[Suite], config=ConfigDict(extra="forbid"))


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a suite's file, for editors."""
    from harness.store.json_schema import schema_of

    suite = schema_of(Suite, "a suite of edgebench")
    keys = {
        "cases" if name == "groups" else name: value for name, value in suite["properties"].items() if name != "name"
    }
    required = ["cases" if name == "groups" else name for name in suite["required"] if name != "name"]
    return {**suite, "properties": {**keys, "cases": {**keys["cases"], "minItems": 1}}, "required": required}


_KEYS = {"models": ModelFile, "groups": Group, "nightly": NightlyRule}
"""What the tables of a suite are read as."""


def _invalid(path: Path, errors: Sequence[Mapping[str, Any]]) -> DescriptorError:
    """Return the error of the innermost key: a model is a name or a table, and each alternative that fails has one."""
    worst = max(errors, key=lambda error: (len(error["loc"]), error["type"] != "string_type"))
    place = [part for part in worst["loc"][1:] if part not in ("str", "ModelFile", "tuple[str, ...]")]
    key = ".".join(str(part) for part in place).replace("groups", "cases")
    if worst["type"] == "unexpected_keyword_argument":
        table = next((_KEYS[part] for part in reversed(place[:-1]) if part in _KEYS), Suite)
        known = [one.name.replace("groups", "cases") for one in fields(table) if (table, one.name) != (Suite, "name")]
        unknown = UnknownName("key", str(place[-1]), known)
        return DescriptorError(f"{path}: {key}: {unknown.message}", unknown.remedy)
    return DescriptorError(f"{path}: {key}: {worst['msg']}", "see docs/suites.md for the keys of a suite")


def _below(group: Group, folder: Path) -> Group:
    models = tuple(model.below(folder) if isinstance(model, ModelFile) else model for model in group.models)
    return replace(group, models=models)


def _check_names(group: Group) -> None:
    """Refuse names that nothing has, before anything is measured.

    Raises:
        UnknownName: There is no such model, setting, runtime or data set.
    """
    for model in group.names:
        catalog.weights(model, group.dataset)
    for setting in group.compression:
        _check_setting(setting)
    for runtime in group.runtimes:
        plugins.load("runtimes", runtime)
    if group.dataset is not None and group.dataset not in catalog.datasets():
        raise UnknownName("data set", group.dataset, catalog.datasets())


def _check_setting(setting: str) -> None:
    shipped = {compression for _, compression, _ in catalog.shipped()}
    if setting in shipped or setting == AS_IS:
        return
    known = {*shipped, *plugins.load_all("compression")}
    for part in setting.split("+"):
        if part not in known:
            raise UnknownName("compression setting", part, known)


def expand(suite: Suite, threads: int | None = None) -> list[Case]:
    """Return every case of the project's models once, models outermost: what will be compared stands together.

    Args:
        suite: The suite. User files are left out; `harness.runs.own_models` makes their cases.
        threads: Replaces the suite's own counts.
    """
    cases = itertools.chain.from_iterable(_cases(g, (threads,) if threads else g.threads) for g in suite.groups)
    return list(dict.fromkeys(cases))


def _cases(group: Group, counts: Sequence[int]) -> Sequence[Case]:
    return [
        Case(
            model=model,
            compression=compression,
            runtime=runtime,
            threads=threads,
            batch=batch,
            scenario=group.scenario,
            weights=catalog.weights(model, group.dataset),
            dataset=group.dataset,
            load=group.load,
            driver=group.driver,
        )
        for model in group.names
        for compression, runtime, threads, batch in itertools.product(
            group.compression, group.runtimes, counts, group.batch
        )
    ]
