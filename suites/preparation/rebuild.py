"""Make a shipped file again from its recipe and say whether it comes out the same."""

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
"""Share of the images by which the accuracy of a file that differs may differ."""


@dataclass(frozen=True)
class RebuildResult:
    """A file made again. `top1` is None where it is the same to the last bit, and so is its accuracy.

    `other` is what differs from the recorded recipe, which explains other bytes: tools with their versions (None: not
    installed), parameters of the setting, calibration images; recorded and today's.
    """

    sha256: str
    identical: bool
    recorded_top1: float
    top1: float | None
    other: Mapping[str, tuple[Any, Any]]

    def __str__(self) -> str:
        today = ", ".join(f"{what} {here or 'missing'} for {told}" for what, (told, here) in self.other.items())
        others = f" (by another recipe: {today})" if today else ""
        if self.top1 is None:
            return f"identical, sha256 {self.sha256[:12]}{others}"
        apart = 100 * (self.top1 - self.recorded_top1)
        ruling = "reproduced" if self.reproduced else "NOT reproduced"
        return f"{ruling}: other bytes, top-1 {100 * self.top1:.2f} %, {apart:+.2f} points{others}"

    @property
    def reproduced(self) -> bool:
        """Whether it is the same file, or as accurate within `TOLERANCE`."""
        return self.top1 is None or round(abs(self.top1 - self.recorded_top1), 9) <= TOLERANCE


def rebuild(model: str, setting: str, kind: Format, checkpoints: Path | None = None) -> RebuildResult:
    """Build the shipped file anew in a scratch folder; compare hashes and, where they differ, accuracies.

    Post-training settings start from the shipped float file, fp32 from the shipped checkpoint, settings that train from
    theirs in `checkpoints`: UsageError without it, SetupError without the tools.
    UnknownName for a file that does not ship.
    """
    entry = catalog.shipped().get((model, setting, kind))
    if entry is None:
        raise UnknownName("shipped file", f"{model} {setting} {kind}", (" ".join(key) for key in catalog.shipped()))
    with TemporaryDirectory(prefix="edgebench-") as folder:
        made = _again(Case(model, setting, "null"), kind, checkpoints, Path(folder))
        same = made.sha256 == entry["sha256"]
        top1 = None if same else _top1(Path(folder) / made.file, Preprocess.from_json(entry["preprocess"]))
    return RebuildResult(made.sha256, same, entry["top1_reference"]["top1"], top1, _other(entry["recipe"], made.recipe))


def _again(case: Case, kind: Format, checkpoints: Path | None, folder: Path) -> Entry:
    if _starts_from_shipped(case, kind):
        return prepare.compress(case, kind, folder)
    trained = checkpoints or folder / "checkpoints"
    from_checkpoints.copy_shipped_checkpoint(case.model, trained)
    if from_checkpoints.training_commands(case, None, trained):
        left = from_checkpoints.shell_lines(from_checkpoints.training_commands(case, None, checkpoints))
        raise UsageError(
            f"{case.model} {case.compression} is made of a checkpoint that does not ship",
            f"run first\n  {left}\n  then give --checkpoints CHECKPOINTS",
        )
    return from_checkpoints.build_from_checkpoint(case, kind, trained, folder)


def _starts_from_shipped(case: Case, kind: Format) -> bool:
    """Whether its last step takes a float file that ships: float nets themselves and QAT's begin with a checkpoint."""
    chain = Chain.parse(case.compression)
    parent = chain.fine_tuning_name or "fp32"
    last = case.compression != parent and all(part.post_training == "fp32" for part in chain.fine_tuning)
    return last and (case.model, parent, kind) in catalog.shipped()


def _top1(model: Path, how: Preprocess) -> float:
    from suites.artifacts import evaluate

    return evaluate.top1(model, *evaluate.labelled(catalog.DATA / "fashion-mnist", how))


def _other(recorded: Mapping[str, Any], today: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    exported = "exporter" in today  # else it began with the shipped float file
    told_tools = {**recorded["tools"], **(recorded["exporter"] if exported else {})}
    tools_here = {**today["tools"], **today.get("exporter", {})}
    tools = {tool: (told, tools_here.get(tool)) for tool, told in told_tools.items()}
    facts = {name: (recorded[name], today[name]) for name in ("parameters", "calibration_sha256")}
    return {what: (told, here) for what, (told, here) in {**tools, **facts}.items() if told != here}
