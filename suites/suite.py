"""Suite files: which models under which settings on which runtimes, as TOML, expanded to cases."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.case import Case
from harness.core.errors import DescriptorError, UnknownName
from harness.core.scenario import LOAD_PARAMETERS, Driver, Load, Scenario

from .artifacts import catalog
from .nightly_rules import NightlyRule

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Group:
    """A full cross product of names and counts under one scenario, with its parameters as `Load` has them.

    `dataset` is what accuracy is scored on, None for nets that know no labels. ScenarioError when they do not fit.
    """

    models: tuple[str, ...]
    compression: tuple[str, ...]
    runtimes: tuple[str, ...]
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

    @property
    def load(self) -> Load:
        """The scenario's parameters as they stand in the file."""
        return Load(**{name: getattr(self, name) for name in LOAD_PARAMETERS})


@dataclass(frozen=True)
class Suite:
    """A named list of groups. `profile` says how long each case is measured unless the command says otherwise.

    `nightly` is what nightly runs of the suite look out for beside the defaults.
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
        raise UnknownName("suite", name, names())
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DescriptorError(f"{path} is not valid TOML: {error}") from error
    return _checked(data, path)


def _checked(data: dict[str, Any], path: Path) -> Suite:
    """Return the file's tables as dataclasses.

    Raises:
        DescriptorError: A key is unknown or has the wrong type; the message names it.
    """
    from pydantic import ConfigDict, TypeAdapter, ValidationError

    settings = {**data, "name": path.stem, "groups": data.pop("cases", [])}
    settings.pop("cases", None)
    try:
        adapter = TypeAdapter(tuple[Suite], config=ConfigDict(extra="forbid"))
        suite = adapter.validate_python((settings,))[0]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"][1:]).replace("groups", "cases")
        raise DescriptorError(f"{path}: {key}: {first['msg']}", "see docs/suites.md for the keys of a suite") from error
    if not suite.groups:
        raise DescriptorError(f"{path}: no [[cases]] in it")
    return suite


def expand(suite: Suite, threads: int | None = None) -> list[Case]:
    """Every case of the suite once, models outermost, so that what will be compared stands together.

    `threads` replaces the suite's own counts.
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
        for model in group.models
        for compression, runtime, threads, batch in itertools.product(
            group.compression, group.runtimes, counts, group.batch
        )
    ]
