"""Measure a plan into a run folder, case by case, or continue a run that was killed."""

from __future__ import annotations

import dataclasses
import os
import shlex
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType

from harness.core.case import Case
from harness.core.errors import NothingMeasured, UsageError
from harness.core.execution import Execution
from harness.core.files import DISK_FULL
from harness.core.folder_lock import locked
from harness.core.hostfs import HostFs
from harness.core.metric import METRICS
from harness.core.quantity import Missing, utc_now
from harness.core.record import Record, RunHeader
from harness.core.scratch import scratch_folder
from harness.core.verdict import Finding, Verdict
from harness.host import roofline
from harness.host.checks import changes, inspect_all
from harness.host.identity import identity
from harness.host.machine_speed import UNKNOWN_SPEED, MachineSpeed, history_of
from harness.host.quiet import wait_until_quiet
from harness.host.thermal import wait_until_cool
from harness.host.tuning import journal_path, tuned
from harness.measure.block import RunContext, Step, measure_block
from harness.measure.machine_speed import machine_speed, software
from harness.measure.passes.accuracy import AccuracyPass
from harness.measure.passes.energy import EnergyPass
from harness.measure.passes.memory_control import MemoryControl
from harness.measure.passes.surroundings import SurroundingsWatch
from harness.measure.passes.thermal import ThrottleWatch
from harness.measure.prepared import PreparedCase
from harness.measure.selfcheck.checks import loop_overhead_ns
from harness.sensors.board_power import power_source
from harness.sensors.registry import open_sensors
from harness.store.runfolder import RunFolder

from .config import RunConfig
from .plan import Plan
from .provenance import provenance
from .resuming import BASIS, basis_of, resumed

DISTRIBUTIONS = (
    *("edgebench", "numpy", "onnxruntime", "ai-edge-litert", "tflite-runtime", "openvino", "torch", "executorch"),
    *("mlcommons-loadgen", "ncnn", "MNN", "tensorflow", "tensorflow-cpu", "keras", "tensorrt"),
)


class RunSession:
    """A run being measured: a context manager, so that the header is complete however the run ends.

    Entering it creates the run folder, with every planned case in its header and the records of refused cases.

    Attributes:
        plan: What is measured; after a resumption what is left of it.
        interrupted: Whether the run was ended early; set by who ends it.
        header: The run's header, from entering on.
        folder: The run folder, from entering on.
    """

    interrupted = False

    def __init__(self, config: RunConfig, plan: Plan, notify: Callable[[str], None] = lambda _: None) -> None:
        """Prepare a run.

        Args:
            config: What was asked for.
            plan: What it comes to.
            notify: Called, before anything is measured, with each finding that makes the figures worthless.

        """
        self._config = config
        self._notify = notify
        self.plan = plan
        self._scratch = Path(tempfile.gettempdir())
        self._sensors = open_sensors(config.fs, meter=plan.target.power.meter)
        self._undo = ExitStack()
        self._context: RunContext | None = None

    def __enter__(self) -> RunSession:
        try:
            self._begin()
        except BaseException:  # refused: undo the tuning, close the sensors
            self._close()
            raise
        return self

    def _begin(self) -> None:
        self._scratch = scratch = self._undo.enter_context(scratch_folder())
        if self._config.resume:
            self.folder = RunFolder(self.plan.out)
            self.folder.header()  # one that is no run folder is refused before it is locked
            self._undo.enter_context(locked(self.folder.path))
        if self._config.tune:
            self._undo.enter_context(tuned(self._config.fs, changes(self._config.fs), journal_path()))
        waited = self._wait_for_quiet()
        findings = (*self._findings(), *waited)
        if self._config.strict:
            refuse_unfit(findings)
        for warning in warnings_of(findings):
            self._notify(warning)
        # one process is never precise: neither its surroundings nor the machine's speed would change that
        memory = MemoryControl(HostFs()) if self.plan.profile.max_processes > 1 else None
        speed = self._machine_speed(memory, scratch)
        findings = findings if speed == UNKNOWN_SPEED else (*findings, speed.finding)
        self.header = self._header(findings, scratch)
        if self._config.resume:
            self.plan, self.header = resumed(self.plan, self.folder, self.header)
        else:
            self.folder = RunFolder.create(self.plan.out, self.header, number=not self._config.out)
            self._undo.enter_context(locked(self.folder.path))
        self._context = RunContext(
            run_id=self.header.run_id,
            target=self._target_name,
            profile=self.plan.profile,
            seed=self._config.seed,
            blobs=self.folder,
            scratch=scratch,
            scores=AccuracyPass(scratch, self._config.accuracy_margin),
            percentiles=self._config.percentiles,
            energy=EnergyPass(self._sensors, power_source(self.plan.target.power, self._sensors)),
            machine=machine_verdict(findings),
            findings=findings,
            findings_now=self._findings,
            throttle=ThrottleWatch(self._sensors, self.plan.target.thermal.throttle),
            zones=self.plan.target.thermal.zones,
            surroundings=SurroundingsWatch(HostFs(), memory, speed.usual.get("memory")),
            speed=speed,
        )
        self._refused = [self._refuse(case, verdict) for case, verdict in self.plan.refused.items()]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.interrupted |= kind is not None and issubclass(kind, KeyboardInterrupt)
        self.header = dataclasses.replace(self.header, ended_utc=utc_now(), interrupted=self.interrupted)
        try:
            self.folder.write_header(self.header)
        except OSError as failed:
            if error is None:
                self._raise_if_full(failed)
                raise
        finally:
            self._close()

    def _wait_for_quiet(self) -> tuple[Finding, ...]:
        """Wait until nothing else runs, if that was asked for; return what was found."""
        timeout_s = self._config.wait_for_quiet_s
        return () if timeout_s is None else (wait_until_quiet(self._config.fs, timeout_s, self._notify),)

    def _close(self) -> None:
        """Undo the tuning, release the run folder, remove the scratch folder and close the sensors."""
        self._undo.close()
        for sensor in self._sensors:
            sensor.close()

    def run(self) -> Iterator[Step | Record]:
        """Measure every block; each record is written before it is yielded, those of refused cases first.

        Raises:
            UsageError: A disk is full; it says what is kept and how to go on.
        """
        yield from self._refused
        for block in self.plan.blocks:
            yield from self.block(block)

    def block(self, block: Sequence[PreparedCase]) -> Iterator[Step | Record]:
        """Measure some cases together and write their records."""
        if self._context is None:
            raise RuntimeError("a RunSession is a context manager: use it in a with statement")
        context = self._context
        if (limit_c := self.plan.target.limits.start_temperature_c) is not None:
            gate = wait_until_cool(self._config.fs, limit_c, patterns=self.plan.target.thermal.zones)
            context = dataclasses.replace(context, findings=(*context.findings, gate))
        try:
            for event in measure_block(block, self.plan.references, context):
                if isinstance(event, Record):
                    self.folder.append(event)
                yield event
        except OSError as error:
            self._raise_if_full(error)
            raise

    def _raise_if_full(self, error: OSError) -> None:
        """Raise what a user needs to know where `error` is that of a full disk."""
        if error.errno not in DISK_FULL:
            return
        n_kept = len(self.folder.contents().records)
        command = [*self._config.command] if self._config.command else ["edgebench", "run"]
        command += [] if "--out" in command else ["--out", str(self.folder.path)]
        command += [] if "--resume" in command else ["--resume"]
        where = error.filename or self._scratch
        raise UsageError(
            f"{os.strerror(error.errno or 0)}: {os.fsdecode(where)}",
            f"{n_kept} finished cases are kept in {self.folder.path}; free some space, then go on with: "
            f"{shlex.join(command)}",
        ) from error

    @property
    def _target_name(self) -> str:
        """The target's name in records: marked where the board is a recorded one, since inference runs on this one."""
        name = self.plan.target.name
        return name if self._config.fs.live else f"{name} (recorded)"

    def _findings(self) -> tuple[Finding, ...]:
        """Run the checks now, with a warning where the machine is a recorded one."""
        virtual = Finding(
            "virtual_board", "warn", f"the machine is read from {self._config.fs.root}, inference runs here"
        )
        return (*inspect_all(self._config.fs, self.plan.target), *(() if self._config.fs.live else (virtual,)))

    def _machine_speed(self, memory: MemoryControl | None, scratch: Path) -> MachineSpeed:
        """Measure this machine, even where findings are those of a recorded one: inference runs here."""
        if memory is None or not self.plan.prepared:
            return UNKNOWN_SPEED
        history = history_of(identity(HostFs()), software())
        # those of the case with the most: one CPU alone hands nothing over
        cpus = max((prepared.cpus for prepared in self.plan.prepared), key=len)
        return machine_speed(history, memory, cpus, scratch)

    def _header(self, findings: tuple[Finding, ...], scratch: Path) -> RunHeader:
        config, plan = self._config, self.plan
        machine = identity(config.fs)
        return RunHeader(
            run_id=f"{utc_now()[:19].replace('-', '').replace(':', '')}-{uuid.uuid4().hex[:6]}",
            suite=plan.suite,
            target=self._target_name,
            profile=plan.profile.name,
            started_utc=utc_now(),
            planned=tuple(case.id for case in plan.cases),
            command=tuple(config.command),
            seed=config.seed,
            host=dataclasses.asdict(machine),
            roofline=roofline.load_or_measure(machine, config.fs, may_measure=plan.profile.deep),
            versions=versions(),
            findings=findings,
            sensors={sensor.name: sensor.absent or "present" for sensor in self._sensors},
            harness_overhead_ns=loop_overhead_ns(scratch),
            provenance={
                **provenance(plan.target, findings, config.power_supply, config.ambient_c, plan.inputs),
                BASIS: basis_of(config, plan),
            },
        )

    def _refuse(self, case: Case, verdict: Verdict) -> Record:
        absent = Missing(f"{verdict.status}: {verdict.reason}")
        record = Record(
            run_id=self.header.run_id,
            case_id=case.id,
            case=case,
            target=self._target_name,
            verdict=verdict,
            metrics=dict.fromkeys(METRICS, absent),
            started_utc=utc_now(),
            duration_s=0.0,
            execution=Execution(effective=absent),
        )
        self.folder.append(record)
        return record


def versions() -> dict[str, str]:
    """Return the installed versions of what a measurement depends on."""
    installed: dict[str, str] = {}
    for name in DISTRIBUTIONS:
        try:
            installed[name] = version(name)
        except PackageNotFoundError:
            continue
    return installed


def refuse_unfit(findings: Sequence[Finding]) -> None:
    """Refuse a machine that failed a check.

    Raises:
        NothingMeasured: With the findings of the failed checks and their remedies.
    """
    failed = [finding for finding in findings if finding.status == "fail"]
    if failed:
        raise NothingMeasured(
            "not measured, since --strict refuses a machine that fails a check: "
            + "; ".join(f"{finding.check}: {finding.found}" for finding in failed),
            "; ".join(finding.remedy for finding in failed if finding.remedy),
        )


def warnings_of(findings: Sequence[Finding]) -> list[str]:
    """Return what must be said before anything is measured: checks that failed, and load that spoils times."""
    texts = []
    for finding in findings:
        if finding.status == "fail" or (finding.check == "load" and finding.status == "warn"):
            remedy = f"{finding.remedy}; or --wait-for-quiet 60" if finding.check == "load" else finding.remedy
            texts.append(f"warning: {finding.check}: {finding.found}" + (f"\n  {remedy}" if remedy else ""))
    return texts


def machine_verdict(findings: Sequence[Finding]) -> Verdict | None:
    """Return the verdict that the checks pass on every case of this machine, if any."""
    for finding in findings:
        if finding.check == "emulation" and finding.status == "fail":
            return Verdict("emulated", finding.found, finding.remedy)
    return None
