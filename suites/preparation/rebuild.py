"""Build a shipped file again from its recipe, and compare it with the shipped one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from harness.core.artifact import Format, Preprocess
from harness.core.case import Case
from harness.core.errors import UnknownName, UsageError
from suites.artifacts import catalog
from suites.artifacts.model_cache import Entry
from suites.compression.base import Chain

from . import from_checkpoints, prepare

TOLERANCE = 0.002
"""Share of the images by which the accuracy of a file with other bytes may differ."""


@dataclass(frozen=True)
class RebuildResult:
    """A shipped file compared with one built again.

    Attributes:
        sha256: Hash of the new file.
        identical: Whether it has the same bytes.
        recorded_top1: Accuracy of the shipped file.
        top1: Accuracy of the new file, None where it is identical.
        recipe_changes: What differs from the recorded recipe, which explains other bytes: versions of tools (None: not
            installed), parameters of the setting, calibration images; as (recorded, today's) by name.
    """

    sha256: str
    identical: bool
    recorded_top1: float
    top1: float | None
    recipe_changes: Mapping[str, tuple[Any, Any]]

    def __str__(self) -> str:
        changes = ", ".join(
            f"{name} {today or 'missing'} for {recorded}" for name, (recorded, today) in self.recipe_changes.items()
        )
        note = f" (by another recipe: {changes})" if changes else ""
        if self.top1 is None:
            return f"identical, sha256 {self.sha256[:12]}{note}"
        difference = 100 * (self.top1 - self.recorded_top1)
        result = "reproduced" if self.reproduced else "NOT reproduced"
        return f"{result}: other bytes, top-1 {100 * self.top1:.2f} %, {difference:+.2f} points{note}"

    @property
    def reproduced(self) -> bool:
        """Whether it is the same file, or as accurate within `TOLERANCE`."""
        return self.top1 is None or round(abs(self.top1 - self.recorded_top1), 9) <= TOLERANCE


def rebuild(model: str, setting: str, kind: Format, checkpoints: Path | None = None) -> RebuildResult:
    """Build a shipped file again in a scratch folder, and compare hashes and, where they differ, accuracies.

    Post-training settings start from the shipped float file, fp32 from the shipped checkpoint, settings that train from
    a checkpoint of the user.

    Args:
        model: Name of the net.
        setting: Name of the setting.
        kind: Format of the file.
        checkpoints: Folder of checkpoints for settings that train.

    Raises:
        UnknownName: The file does not ship.
        UsageError: The setting trains, and its checkpoint is missing.
        SetupError: The setting's tools are not installed.
    """
    shipped = catalog.shipped().get((model, setting, kind))
    if shipped is None:
        raise UnknownName("shipped file", f"{model} {setting} {kind}", (" ".join(key) for key in catalog.shipped()))
    with TemporaryDirectory(prefix="edgebench-") as folder:
        entry = _build(Case(model, setting, "null"), kind, checkpoints, Path(folder))
        identical = entry.sha256 == shipped["sha256"]
        top1 = None if identical else _top1(Path(folder) / entry.file, Preprocess.from_json(shipped["preprocess"]))
    changes = _recipe_changes(shipped["recipe"], entry.recipe)
    return RebuildResult(entry.sha256, identical, shipped["top1_reference"]["top1"], top1, changes)


def _build(case: Case, kind: Format, checkpoints: Path | None, folder: Path) -> Entry:
    if _starts_from_shipped(case, kind):
        return prepare.compress(case, kind, folder)
    trained = checkpoints or folder / "checkpoints"
    from_checkpoints.copy_shipped_checkpoint(case.model, trained)
    if from_checkpoints.training_commands(case, None, trained):
        commands = from_checkpoints.shell_lines(from_checkpoints.training_commands(case, None, checkpoints))
        raise UsageError(
            f"{case.model} {case.compression} is built from a checkpoint that does not ship",
            f"run first\n  {commands}\n  then give --checkpoints CHECKPOINTS",
        )
    return from_checkpoints.build_from_checkpoint(case, kind, trained, folder)


def _starts_from_shipped(case: Case, kind: Format) -> bool:
    """Return whether the last step of a case takes a float file that ships.

    The float nets themselves and those of quantization-aware training start from a checkpoint.
    """
    chain = Chain.parse(case.compression)
    parent = chain.fine_tuning_name or "fp32"
    post_training = case.compression != parent and all(part.post_training == "fp32" for part in chain.fine_tuning)
    return post_training and (case.model, parent, kind) in catalog.shipped()


def _top1(model: Path, preprocess: Preprocess) -> float:
    from suites.artifacts import evaluate

    return evaluate.top1(model, *evaluate.labelled(catalog.DATA / "fashion-mnist", preprocess))


def _recipe_changes(recorded: Mapping[str, Any], today: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    exported = "exporter" in today  # without it the shipped float file was the start
    recorded_tools = {**recorded["tools"], **(recorded["exporter"] if exported else {})}
    todays_tools = {**today["tools"], **today.get("exporter", {})}
    tools = {tool: (version, todays_tools.get(tool)) for tool, version in recorded_tools.items()}
    facts = {name: (recorded[name], today[name]) for name in ("parameters", "calibration_sha256")}
    return {name: (before, now) for name, (before, now) in {**tools, **facts}.items() if before != now}
