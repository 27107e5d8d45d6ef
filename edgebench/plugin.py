"""What an extension imports: runtimes, sensors, checks, tasks, sections, exports, compression settings, model families.

    from edgebench.plugin import Adapter, Capability, Session

The names here stay where they are from one version to the next; the modules that they come from may change. Each is
imported when it is asked for, so that an adapter in a process that is timed does not load the report's libraries.
`docs/add-a-*.md` describe each kind of extension.

Example:
    >>> from edgebench.plugin import Finding
    >>> Finding("fan", "ok", "3000 rpm").status
    'ok'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from edgebench._guard import refuse_foreign

if TYPE_CHECKING:
    from harness.core.artifact import Preprocess as Preprocess
    from harness.core.case import Case as Case
    from harness.core.errors import DataError as DataError
    from harness.core.errors import EdgebenchError as EdgebenchError
    from harness.core.errors import UsageError as UsageError
    from harness.core.execution import Execution as Execution
    from harness.core.hostfs import HostFs as HostFs
    from harness.core.metric import METRICS as METRICS
    from harness.core.metric import Metric as Metric
    from harness.core.plugins import load as load
    from harness.core.quality import QualityKind as QualityKind
    from harness.core.quantity import Missing as Missing
    from harness.core.quantity import Quantity as Quantity
    from harness.core.quantity import Value as Value
    from harness.core.quantity import microseconds as microseconds
    from harness.core.record import Record as Record
    from harness.core.record import RunHeader as RunHeader
    from harness.core.sensing import Channel as Channel
    from harness.core.sensing import Sensor as Sensor
    from harness.core.task import Interface as Interface
    from harness.core.task import PairedTest as PairedTest
    from harness.core.task import PerSample as PerSample
    from harness.core.task import Predictions as Predictions
    from harness.core.task import Task as Task
    from harness.core.verdict import Finding as Finding
    from harness.core.verdict import Verdict as Verdict
    from harness.host.checks import Change as Change
    from harness.host.checks import Check as Check
    from harness.runtimes.base import Adapter as Adapter
    from harness.runtimes.base import Batch as Batch
    from harness.runtimes.base import Capability as Capability
    from harness.runtimes.base import Options as Options
    from harness.runtimes.base import Outputs as Outputs
    from harness.runtimes.base import Session as Session
    from harness.runtimes.base import SessionError as SessionError
    from harness.runtimes.base import TensorSpec as TensorSpec
    from harness.runtimes.errors import explain_error as explain_error
    from harness.runtimes.inputs import concrete_shape as concrete_shape
    from harness.sensors.base import SECOND_NS as SECOND_NS
    from harness.sensors.base import FileSensor as FileSensor
    from harness.sensors.base import Probe as Probe
    from harness.sensors.base import hwmon_chips as hwmon_chips
    from harness.sensors.base import import_optional as import_optional
    from harness.sensors.base import scaled as scaled
    from harness.stats.resampling import bootstrap as bootstrap
    from harness.stats.resampling import paired_bootstrap as paired_bootstrap
    from harness.store.exports import Export as Export
    from harness.store.exports import Exported as Exported
    from harness.store.exports import TableExport as TableExport
    from reports.data import CaseView as CaseView
    from reports.data import ReportData as ReportData
    from reports.section import Absent as Absent
    from reports.section import Figure as Figure
    from reports.section import Section as Section
    from reports.section import Template as Template
    from suites.compression.base import Calibration as Calibration
    from suites.compression.base import Compression as Compression
    from suites.compression.base import FineTuningSetting as FineTuningSetting
    from suites.compression.base import FormatSupport as FormatSupport
    from suites.models.base import ModelFamily as ModelFamily
    from suites.models.base import ModelVariant as ModelVariant
    from suites.models.base import make_divisible as make_divisible

_NAMES = {
    "harness.core.artifact": ("Preprocess",),
    "harness.core.case": ("Case",),
    "harness.core.errors": ("DataError", "EdgebenchError", "UsageError"),
    "harness.core.execution": ("Execution",),
    "harness.core.hostfs": ("HostFs",),
    "harness.core.metric": ("METRICS", "Metric"),
    "harness.core.plugins": ("load",),
    "harness.core.quality": ("QualityKind",),
    "harness.core.quantity": ("Missing", "Quantity", "Value", "microseconds"),
    "harness.core.record": ("Record", "RunHeader"),
    "harness.core.sensing": ("Channel", "Sensor"),
    "harness.core.task": ("Interface", "PairedTest", "PerSample", "Predictions", "Task"),
    "harness.core.verdict": ("Finding", "Verdict"),
    "harness.host.checks": ("Change", "Check"),
    "harness.runtimes.base": (
        "Adapter",
        "Batch",
        "Capability",
        "Options",
        "Outputs",
        "Session",
        "SessionError",
        "TensorSpec",
    ),
    "harness.runtimes.errors": ("explain_error",),
    "harness.runtimes.inputs": ("concrete_shape",),
    "harness.sensors.base": ("SECOND_NS", "FileSensor", "Probe", "hwmon_chips", "import_optional", "scaled"),
    "harness.stats.resampling": ("bootstrap", "paired_bootstrap"),
    "harness.store.exports": ("Export", "Exported", "TableExport"),
    "reports.data": ("CaseView", "ReportData"),
    "reports.section": ("Absent", "Figure", "Section", "Template"),
    "suites.compression.base": ("Calibration", "Compression", "FineTuningSetting", "FormatSupport"),
    "suites.models.base": ("ModelFamily", "ModelVariant", "make_divisible"),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}
__all__ = sorted(_MODULES)  # noqa: PLE0605 - the names of a table


def __getattr__(name: str) -> Any:
    """Import a name from where it is defined; ImportError where a package is not this distribution's."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    refuse_foreign()
    found = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return found


def __dir__() -> list[str]:
    return __all__
