"""From a `RunConfig` to a `Plan`: which cases run, with which files and limits, and which are refused and why."""

from __future__ import annotations

import logging
import platform
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

import suites
from harness.core import plugins
from harness.core.artifact import Artifact, Format
from harness.core.case import Case
from harness.core.errors import UnknownName, UsageError
from harness.core.folder_lock import refuse_if_used
from harness.core.hostfs import HostFs
from harness.core.quantity import utc_now
from harness.core.target import Target
from harness.core.verdict import Verdict
from harness.host.resource_limits import ResourceLimits
from harness.measure.given_inputs import GivenInputs
from harness.measure.prepared import PreparedCase
from harness.measure.presets import Profile, profile
from suites.artifacts import catalog
from suites.nightly_rules import NightlyRules
from suites.user_model import UserModel
from targets import detect, load

from .config import RunConfig
from .own_models import OwnModels
from .preparation import CasePreparer, EvaluationData, fp32_parent

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A run as it will be done.

    Attributes:
        suite: Name of the suite, 'own' where only models of the user are measured.
        target: The board whose name the records carry.
        profile: How long each case is measured.
        out: The run folder.
        cases: Every case of the run, in order.
        prepared: Cases that can run.
        refused: Cases that cannot, with the verdict that says why.
        references: The fp32 model on the same runtime that a case's accuracy is compared with.
        inputs: Arrays that the user's models are measured with.
        nightly_rules: Limits and smallest effects that a nightly run looks out for.
    """

    suite: str
    target: Target
    profile: Profile
    out: Path
    cases: tuple[Case, ...]
    prepared: tuple[PreparedCase, ...] = ()
    refused: Mapping[Case, Verdict] = field(default_factory=dict)
    references: Mapping[Case, PreparedCase] = field(default_factory=dict)
    inputs: GivenInputs | None = None
    nightly_rules: NightlyRules = field(default_factory=NightlyRules)

    @property
    def blocks(self) -> list[tuple[PreparedCase, ...]]:
        """The prepared cases in blocks: neighbours of one model and scenario, whose processes are interleaved."""
        return [tuple(block) for _, block in groupby(self.prepared, lambda one: (one.case.model, one.case.scenario))]

    def only(self, cases: Iterable[Case]) -> Plan:
        """Return the plan of some of its cases."""
        kept = set(cases)
        return replace(
            self,
            cases=tuple(case for case in self.cases if case in kept),
            prepared=tuple(prepared for prepared in self.prepared if prepared.case in kept),
            refused={case: verdict for case, verdict in self.refused.items() if case in kept},
        )


def plan(config: RunConfig, chosen: Sequence[Case] | None = None, notify: Callable[[str], None] = _log.info) -> Plan:
    """Plan a run: find the target, expand the suite, prepare every case or refuse it with the reason.

    A model of the user that cannot be used is refused and the rest is measured, unless it is all there is.

    Args:
        config: What to measure, and how.
        chosen: Cases of the suite to plan instead of those that `config` names.
        notify: Called with a line of text for every model file that is built.

    Raises:
        FolderInUse: The run to resume has not ended.
        UsageError: No case is left, two cases have one id, or the target is not this machine's.
        UnknownName: A suite, target, profile, runtime or replaced case that does not exist.
    """
    if config.resume and config.out:
        refuse_if_used(Path(config.out))  # before models are tried out beside what it measures
    suite = _suite(config)
    target = find_target(config.target_name, config.fs, config.descriptors)
    preset = profile(config.profile or (suite.profile if suite else "quick"), config.deep, config.pipeline)
    name = suite.name if suite else "own"
    own_models = OwnModels(config, suite, notify)
    artifacts = {_configured(case, config): find for case, find in own_models.cases.items()}
    if chosen is None:
        listed = suites.expand(suite, config.threads) if suite else []
        chosen = _selected(
            dict.fromkeys(_configured(case, config) for case in listed), [*artifacts, *own_models.refused], config
        )

    options = runtime_options(target, config.runtime_options)
    if unused := sorted(config.runtime_options.keys() - {case.runtime for case in chosen}):
        raise UsageError(f"--runtime-option {unused[0]}: no case runs on it", "leave it out, or add --runtime")

    def find(case: Case, file_format: Format) -> Artifact:
        if case in artifacts:
            artifact = artifacts[case](file_format)
        elif case.weights == "user":
            artifact = own_models.parent_artifact(case, file_format)
        else:
            artifact = catalog.artifact(case, file_format)
        replacement = config.replacements.get(case.id)
        if replacement is None:
            return artifact
        return UserModel(replacement, config.shapes, signature=artifact.signature).artifact(artifact.preprocess)

    preparer = CasePreparer(
        find,
        _evaluation_data(config, own_models),
        ResourceLimits.on(target, config.timeout_s, config.memory_bytes),
        own_models.shapes,
        options,
        parent=lambda case: own_models.parent(case) if case.weights == "user" else fp32_parent(case),
        inputs=own_models.given,
        further_references=own_models.reference_runtimes,
    )
    result = preparer.prepare_all(case for case in chosen if case not in own_models.refused)
    return Plan(
        suite=name,
        target=target,
        profile=preset,
        out=Path(config.out) if config.out else default_out(name),
        cases=tuple(chosen),
        prepared=result.prepared,
        refused={**result.refused, **own_models.refused},
        references=result.references,
        inputs=own_models.given,
        nightly_rules=NightlyRules((*(suite.nightly if suite else ()), *own_models.rules)),
    )


def suite_cases(config: RunConfig, notify: Callable[[str], None] = _log.info) -> list[Case]:
    """Return every case of a suite, including those of user models, without preparing any.

    Raises:
        UsageError: The suite cannot be read, or two models have one name.
    """
    suite = _suite(config)
    own_models = OwnModels(config, suite, notify)
    return [*(suites.expand(suite, config.threads) if suite else []), *own_models.cases, *own_models.refused]


def _suite(config: RunConfig) -> suites.Suite | None:
    """Return the suite to measure, 'quick' by default; None where models of the command line are all there is."""
    return None if config.models and config.suite is None else suites.load(config.suite or "quick")


def find_target(name: str, fs: HostFs, descriptors: Sequence[Path] = ()) -> Target:
    """Return the target called `name`, for 'auto' the board behind `fs`.

    A recorded tree (`fs` not live) may be any board, since its records say that it was recorded.

    Raises:
        UsageError: This machine's processor is not the target's, so that figures would carry another board's name.
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


def runtime_options(target: Target, given: Mapping[str, Mapping[str, str]]) -> dict[str, Mapping[str, str]]:
    """Return options by runtime: the target's, overridden by those `given`; UnknownName for an unknown runtime."""
    for name in given:
        plugins.load("runtimes", name)
    board = {name: hint.options for name, hint in target.runtimes.items()}
    return {name: {**board.get(name, {}), **given.get(name, {})} for name in {*board, *given}}


def default_out(name: str) -> Path:
    """Return a new folder in ./runs, named by time and suite."""
    return Path("runs") / f"{utc_now()[:19].replace(':', '')}-{name}"


def _configured(case: Case, config: RunConfig) -> Case:
    """Return the case with the batch, scenario and driver of the configuration, where it has them."""
    scenario, parameters = case.scenario, case.load
    if config.names_scenario:
        scenario, parameters = config.scenario or "SingleStream", config.load
    batch, driver = config.batch or case.batch, config.driver or case.driver
    return replace(case, batch=batch, scenario=scenario, load=parameters, driver=driver)


def _selected(listed: Iterable[Case], user_cases: Sequence[Case], config: RunConfig) -> tuple[Case, ...]:
    """Return the cases that pass the filters: those of the suite first, then those of the user's models."""
    listed = list(listed)
    wanted = [case for case in listed if not config.runtimes or case.runtime in config.runtimes]
    selected = tuple(case for case in (*wanted, *user_cases) if all(text in case.id for text in config.filters))
    if not selected:
        raise _none_left([*listed, *user_cases], config)
    for name, times in Counter(case.id for case in selected).items():
        if times > 1:
            raise UsageError(f"two cases are called {name}", "give the model file a name that the suite does not use")
    for name in set(config.replacements) - {case.id for case in selected}:
        raise UnknownName("case", name, [case.id for case in selected])
    return selected


def _none_left(every: Sequence[Case], config: RunConfig) -> UsageError:
    runtimes = [f"runtime {' or '.join(config.runtimes)}"] if config.runtimes else []
    criteria = " and ".join([*(f"'{text}'" for text in config.filters), *runtimes])
    remedy = f"a case id looks like {every[0].id}" if every else "name a suite or a model"
    return UsageError(f"no case is left: none of {len(every)} has {criteria}", remedy)


def _evaluation_data(config: RunConfig, own_models: OwnModels) -> dict[str, EvaluationData]:
    shipped = catalog.datasets().items()
    data = {name: EvaluationData(one.kind, one.path, config.images, one.figure, one.task) for name, one in shipped}
    return {**data, **own_models.data(config.images)}
