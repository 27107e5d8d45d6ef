"""What a run is told beside its cases: where, how long, with which seed, what to turn and what to refuse.

The board that figures will be called by, and what its descriptor sets for each runtime.

What a user asks for, from the command line or from pytest, as cases, a plan and an order.
"""

from __future__ import annotations

import logging
import platform
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path

import suites
from harness.core import plugins
from harness.core.artifact import Artifact, Format
from harness.core.case import Case
from harness.core.errors import UnknownName, UsageError
from harness.core.hostfs import HostFs
from harness.core.quantity import utc_now
from harness.core.scenario import Driver, Load, Scenario
from harness.core.target import Target
from harness.host.resource_limits import ResourceLimits
from harness.measure.presets import Profile, profile
from harness.stats import Definition
from suites.artifacts import catalog
from suites.nightly_rules import NightlyRules
from suites.user_model import UserModel
from targets import detect, load

from .plan import EvaluationData, Plan, Preparer
from .user_models import OWN, Find, OwnModels


@dataclass(frozen=True, kw_only=True)
class Conduct:
    """How a run is done, whatever it measures: the seed of every random choice, the `command` as typed, and so on.

    `resume` goes on with the run that is in its folder already. `tune` turns the knobs that make the machine steadier,
    and back at the end; `strict` refuses to measure when a check fails. `power_supply` and `ambient_c` (degrees
    Celsius) are what the user tells of them. With `accuracy_margin`, a share of the images, a case is scored only until
    it is decided how it compares with fp32. `fs` is the machine: this one, or a recorded tree.
    """

    seed: int = 0
    command: Sequence[str] = ()
    percentiles: Definition = "numpy"
    accuracy_margin: float | None = None
    resume: bool = False
    tune: bool = False
    strict: bool = False
    power_supply: str | None = None
    ambient_c: float | None = None
    fs: HostFs = field(default_factory=HostFs)


@dataclass(frozen=True, kw_only=True)
class Order(Conduct):
    """A run as it will be done: the suite's name, the board, how long, and the folder it goes to."""

    suite: str
    target: Target
    profile: Profile
    out: Path

    @property
    def target_name(self) -> str:
        """What records carry: a recorded board's figures must not pass for the board's own, inference ran here."""
        return self.target.name if self.fs.live else f"{self.target.name} (recorded)"


def find_target(name: str, fs: HostFs, descriptors: Sequence[Path] = ()) -> Target:
    """The target called `name`, or for 'auto' the board behind `fs`; `descriptors` are folders of the user's own.

    UsageError when this machine's processor is not the target's: its figures would carry another board's name. A
    recorded tree (`fs` not live) may be any board: the records say that it was one.
    """
    if name == "auto":
        return detect(fs, descriptors).target
    target = load(name, descriptors)
    if fs.live and target.arch and platform.machine() not in target.arch:
        raise UsageError(
            f"this machine is {platform.machine()}, {target.title} is {' or '.join(target.arch)}",
            "figures from here would carry the name of another board: leave --target out",
        )
    return target


def runtime_settings(target: Target, asked: Mapping[str, Mapping[str, str]]) -> dict[str, Mapping[str, str]]:
    """Options by runtime: the board's, and over them those `asked` for. UnknownName for a runtime that is none."""
    for name in asked:
        plugins.load("runtimes", name)
    board = {name: hint.options for name, hint in target.runtimes.items()}
    return {name: {**board.get(name, {}), **asked.get(name, {})} for name in {*board, *asked}}


_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Request(Conduct):
    """A suite, or models of the user's own, or both; the rest narrows and tunes.

    `suite` None means 'quick' where there are no own models. `data` is a folder of class folders for the own models,
    `preprocess` as `harness.datasets.preprocessing.parse` takes it; `compress` puts them, then float .onnx, through the
    settings that `suites.post_training.chosen` takes it for, and `tell` hears what is built. `keep` are texts a case id must
    contain; `runtimes`, `threads`, `batch`, `driver`, and `scenario` with its `load` replace the suite's: ScenarioError
    when they do not fit. `replacements` are model files, by case id, that are measured in the place of the case's own.
    A model that cannot be used is refused and the rest is measured, unless it is all that was asked for: then its
    error is raised.
    """

    suite: str | None = None
    models: Sequence[str] = ()
    data: str | None = None
    compress: str | None = None
    preprocess: str | None = None
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    keep: Sequence[str] = ()
    runtimes: Sequence[str] = ()
    runtime_options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    threads: int | None = None
    batch: int | None = None
    scenario: Scenario | None = None
    load: Load = field(default_factory=Load)
    driver: Driver | None = None
    target_name: str = "auto"
    profile: str | None = None
    images: int | None = None
    timeout_s: float | None = None
    memory_bytes: int | None = None
    out: str | None = None
    deep: bool | None = None
    descriptors: Sequence[Path] = ()
    replacements: Mapping[str, Path] = field(default_factory=dict)
    tell: Callable[[str], None] = _log.info

    def __post_init__(self) -> None:
        if self.compress and not self.models:
            raise UsageError("--compress needs a net of your own", "name a float .onnx with --model")
        if self._asks_scenario:
            self.load.completed(self.scenario or "SingleStream")

    @property
    def _asks_scenario(self) -> bool:
        return self.scenario is not None or bool(self.load.given)

    @cached_property
    def target(self) -> Target:
        """The target called `target_name`, or for 'auto' the board this machine is."""
        return find_target(self.target_name, self.fs, self.descriptors)

    @cached_property
    def _suite(self) -> suites.Suite | None:
        return None if self.models and self.suite is None else suites.load(self.suite or "quick")

    @property
    def rules(self) -> NightlyRules:
        """What the suite bids a nightly run to look out for."""
        return NightlyRules(self._suite.nightly if self._suite else ())

    @cached_property
    def _own(self) -> OwnModels:
        return OwnModels(
            models=[Path(name) for name in self.models],
            data=Path(self.data) if self.data else None,
            compress=self.compress,
            preprocess=self.preprocess,
            shapes=self.shapes,
            runtimes=self.runtimes,
            threads=self.threads or 1,
            seed=self.seed,
            alone=self._suite is None,
            tell=self.tell,
        )

    @cached_property
    def _found(self) -> dict[Case, Find]:
        """What finds the artifact of each of the own models' cases."""
        return {self._as_asked(case): find for case, find in self._own.cases.items()}

    def _as_asked(self, case: Case) -> Case:
        """The case under the batch and scenario of the command, where it names some."""
        scenario, load = case.scenario, case.load
        if self._asks_scenario:
            scenario, load = self.scenario or "SingleStream", self.load
        batch, driver = self.batch or case.batch, self.driver or case.driver
        return replace(case, batch=batch, scenario=scenario, load=load, driver=driver)

    @cached_property
    def cases(self) -> tuple[Case, ...]:
        """Every case asked for. UsageError when `keep` and `runtimes` leave none, or two have one id."""
        suite = suites.expand(self._suite, self.threads) if self._suite else []
        listed = dict.fromkeys(map(self._as_asked, suite))
        own = [*self._found, *self._own.refused]
        wanted = [case for case in listed if not self.runtimes or case.runtime in self.runtimes]
        kept = tuple(case for case in (*wanted, *own) if all(text in case.id for text in self.keep))
        if not kept:
            raise self._none_left([*listed, *own])
        for name, times in Counter(case.id for case in kept).items():
            if times > 1:
                raise UsageError(f"two cases are called {name}", "give the model file a name that the suite has not")
        for name in set(self.replacements) - {case.id for case in kept}:
            raise UnknownName("case", name, [case.id for case in kept])
        return kept

    def _none_left(self, every: Sequence[Case]) -> UsageError:
        """What of the command no case has, and how a case is called."""
        runtimes = [f"runtime {' or '.join(self.runtimes)}"] if self.runtimes else []
        asked = " and ".join([*(f"'{text}'" for text in self.keep), *runtimes])
        remedy = f"a case is called, for instance, {every[0].id}" if every else "name a suite or a model"
        return UsageError(f"no case is left: none of {len(every)} has {asked}", remedy)

    def plan(self, chosen: Sequence[Case] | None = None) -> Plan:
        """Prepare the `chosen` cases, or all."""
        cases = tuple(self.cases if chosen is None else chosen)
        refused = self._own.refused
        room = ResourceLimits.on(self.target, self.timeout_s, self.memory_bytes)
        preparer = Preparer(
            self._find, self._data(), room, self.shapes, runtime_settings(self.target, self.runtime_options)
        )
        plan = preparer.plan(case for case in cases if case not in refused)
        return Plan(cases, plan.prepared, {**plan.refused, **refused}, plan.references)

    def order(self) -> Order:
        """Where to, how long and with which seed."""
        name = self._suite.name if self._suite else "own"
        length = self.profile or (self._suite.profile if self._suite else "quick")
        out = Path(self.out) if self.out else default_out(name)
        how = {each.name: getattr(self, each.name) for each in fields(Conduct)}
        return Order(suite=name, target=self.target, profile=profile(length, self.deep), out=out, **how)

    def _find(self, case: Case, file_format: Format) -> Artifact:
        if case in self._found:
            return self._found[case](file_format)
        found = catalog.artifact(case, file_format)
        other = self.replacements.get(case.id)
        return UserModel(other).artifact(found.preprocess) if other else found

    def _data(self) -> dict[str, EvaluationData]:
        data = {name: EvaluationData(s.kind, s.path, self.images, s.figure) for name, s in catalog.datasets().items()}
        own = self._own.scored(self.images)
        return {**data, OWN: own} if own else data


def default_out(name: str) -> Path:
    """A new folder in ./runs, named by time and suite."""
    return Path("runs") / f"{utc_now()[:19].replace(':', '')}-{name}"
