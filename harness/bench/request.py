"""What a user asks for, from the command line or from pytest, as cases, a plan and an order."""

from __future__ import annotations

import logging
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import suites
from harness.accuracy.dataset import open_dataset
from harness.analysis.stats import Definition
from harness.core import plugins
from harness.core.artifact import Artifact, Format
from harness.core.case import Case
from harness.core.errors import EdgebenchError, UsageError
from harness.core.hostfs import HostFs
from harness.core.scenario import Driver, Load, Scenario
from harness.core.target import Target
from harness.core.units import utc_now
from harness.core.verdict import Verdict
from harness.measure.profile import profile
from suites import catalog
from suites.user import SETTING, UserModel
from targets import detect, load

from .plan import Data, Plan, Preparer
from .run import Order

OWN = "own"
"""Name of the data set that is the user's own."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """A suite, or models of the user's own, or both; the rest narrows and tunes.

    `suite` None means 'quick' where there are no own models. `data` is a folder of class folders for the own models,
    `preprocess` as `harness.accuracy.preprocess.parse` takes it; `keep` are texts a case id must contain; `runtimes`,
    `threads`, `batch`, `driver`, and `scenario` with its `load` replace the suite's: ScenarioError when they do not
    fit. A model that cannot be used is refused and the rest is measured, unless it is all that was asked for: then its
    error is raised.
    """

    suite: str | None = None
    models: Sequence[str] = ()
    data: str | None = None
    preprocess: str | None = None
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    keep: Sequence[str] = ()
    runtimes: Sequence[str] = ()
    threads: int | None = None
    batch: int | None = None
    scenario: Scenario | None = None
    load: Load = field(default_factory=Load)
    driver: Driver | None = None
    target_name: str = "auto"
    profile: str | None = None
    images: int | None = None
    timeout_s: float | None = None
    seed: int = 0
    out: str | None = None
    command: Sequence[str] = ()
    percentiles: Definition = "numpy"
    deep: bool | None = None
    resume: bool = False
    tune: bool = False
    strict: bool = False
    fs: HostFs = field(default_factory=HostFs)
    descriptors: Sequence[Path] = ()

    def __post_init__(self) -> None:
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

    @cached_property
    def _own(self) -> tuple[dict[Case, Artifact], dict[Case, Verdict]]:
        """Artifacts of the own models' cases, and the refused ones."""
        artifacts: dict[Case, Artifact] = {}
        refused: dict[Case, Verdict] = {}
        for name in self.models:
            try:
                artifacts |= self._own_cases(UserModel(Path(name)))
            except EdgebenchError as error:
                if self._suite is None and len(self.models) == 1:
                    raise
                _log.error("%s", error)
                refused[Case(Path(name).stem, SETTING, "none", weights="user")] = Verdict("unsupported", error.message)
        return artifacts, refused

    def _own_cases(self, model: UserModel) -> dict[Case, Artifact]:
        how = None
        if self.data is not None:
            open_dataset("folder", Path(self.data))
            how = model.preprocess(self.preprocess)
        runtimes = self.runtimes or [name for name in plugins.registered("runtimes") if name != "null"]
        cases = model.cases(runtimes, [self.threads or 1], OWN if how else None)
        return dict.fromkeys((self._as_asked(case) for case in cases), model.artifact(how))

    def _as_asked(self, case: Case) -> Case:
        """The case under the batch and scenario of the command, where it names some."""
        scenario, load = case.scenario, case.load
        if self._asks_scenario:
            scenario, load = self.scenario or "SingleStream", self.load
        batch, driver = self.batch or case.batch, self.driver or case.driver
        return replace(case, batch=batch, scenario=scenario, load=load, driver=driver)

    @cached_property
    def cases(self) -> tuple[Case, ...]:
        """Every case asked for. UsageError when `keep` and `runtimes` leave none."""
        own, refused = self._own
        suite = suites.expand(self._suite, self.threads) if self._suite else []
        listed = dict.fromkeys(map(self._as_asked, suite))
        every = [*(case for case in listed if not self.runtimes or case.runtime in self.runtimes), *own, *refused]
        kept = tuple(case for case in every if all(text in case.id for text in self.keep))
        if not kept:
            raise UsageError("no case is left", f"{[*self.keep, *self.runtimes]} keep none of {len(every)} cases")
        return kept

    def plan(self, chosen: Sequence[Case] | None = None) -> Plan:
        """Prepare the `chosen` cases, or all."""
        cases = tuple(self.cases if chosen is None else chosen)
        own, refused = self._own
        timeout_s = self.timeout_s or self.target.limits.timeout_s
        preparer = Preparer(lambda case, f: self._find(own, case, f), self._data(), timeout_s, self.shapes)
        plan = preparer.plan(case for case in cases if case not in refused)
        return Plan(cases, plan.prepared, {**plan.refused, **refused}, plan.references)

    def order(self) -> Order:
        """Where to, how long and with which seed."""
        name = self._suite.name if self._suite else "own"
        length = self.profile or (self._suite.profile if self._suite else "quick")
        out = Path(self.out) if self.out else default_out(name)
        return Order(
            suite=name,
            target=self.target,
            profile=profile(length, self.deep),
            out=out,
            seed=self.seed,
            command=self.command,
            percentiles=self.percentiles,
            resume=self.resume,
            tune=self.tune,
            strict=self.strict,
            fs=self.fs,
        )

    @staticmethod
    def _find(own: Mapping[Case, Artifact], case: Case, file_format: Format) -> Artifact:
        return own[case] if case in own else catalog.artifact(case, file_format)

    def _data(self) -> dict[str, Data]:
        data = {name: Data(kind, path, self.images) for name, (kind, path) in catalog.DATASETS.items()}
        if self.data is not None:
            data[OWN] = Data("folder", Path(self.data), self.images)
        return data


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


def default_out(name: str) -> Path:
    """A new folder in ./runs, named by time and suite."""
    return Path("runs") / f"{utc_now()[:19].replace(':', '')}-{name}"
