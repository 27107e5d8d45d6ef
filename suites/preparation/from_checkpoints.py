"""Build the files of settings that train, from checkpoints; no torch is needed to import it.

The nets as trained ship (`suites/artifacts/<model>/training.pt`). Every setting starts from them, so that all results
can be compared with the fp32 files that ship. Checkpoints of fine-tuned nets are the user's.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from harness.core.artifact import Format, sha256_of
from harness.core.case import Case
from harness.core.errors import SetupError, UsageError
from suites.artifacts import catalog
from suites.artifacts.model_cache import Entry
from suites.compression.base import Chain
from suites.models.base import ModelVariant

Command = tuple[str, ...]

TEACHER_WIDTHS = {"efficientnet_lite0": 0.6, "mobilenet_v2": 1.0, "shufflenet_v2": 1.0}
"""Width of each family's teacher: two to three times that of the net that ships."""

TEACHER_TRAINING_OPTIONS = ("--epochs", "12", "--learning-rate", "0.1", "--label-smoothing", "0")
"""Options of `suites.preparation.training.train` for teachers.

After 6 epochs a teacher is no better than its student was. Label smoothing removes what a teacher knows of the
similarity of classes (arXiv 1906.02629). Without it, at twice this learning rate, mobilenet_v2-1.0-32 lost much of its
accuracy in the fifth epoch.
"""

_CHECKPOINT_SUFFIXES = (".pt", ".jsonl")


def teacher_model(model: str) -> str:
    """Return the name of the teacher of `model`.

    Raises:
        UsageError: The family has no teacher.
    """
    variant = ModelVariant.parse(model)
    if variant.family not in TEACHER_WIDTHS:
        raise UsageError(
            f"there is no larger net to teach {model}", f"distilled exists for {', '.join(sorted(TEACHER_WIDTHS))}"
        )
    return str(replace(variant, width=TEACHER_WIDTHS[variant.family]))


def require_torch(purpose: str = "training") -> None:
    """Check that torch is installed, which `purpose` needs.

    Raises:
        SetupError: It is not.
    """
    if importlib.util.find_spec("torch") is None:
        raise SetupError(f"{purpose} needs torch, which is not installed", "pip install 'edgebench[prepare]'")


def shipped_checkpoint(model: str) -> Path | None:
    """Return the checkpoint of a net as trained, with its log beside it; None where it does not ship."""
    path = catalog.ARTIFACTS / model / "training.pt"
    return path if path.is_file() and sha256_of(path) in _shipped_checkpoint_hashes(model) else None


def _shipped_checkpoint_hashes(model: str) -> set[str]:
    return {
        entry["training"]["checkpoint_sha256"] for (name, _, _), entry in catalog.shipped().items() if name == model
    }


def copy_shipped_checkpoint(model: str, checkpoints: Path) -> None:
    """Copy the checkpoint of a net as trained, and its log, into the folder `checkpoints` where that lacks it."""
    source = shipped_checkpoint(model)
    if source and not _exists(checkpoints, f"{model}.pt"):
        checkpoints.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source.with_suffix(".jsonl"), checkpoints / f"{model}.jsonl")
        shutil.copyfile(source, checkpoints / f"{model}.pt")


def training_commands(case: Case, data: Path | None, checkpoints: Path | None) -> list[Command]:
    """Return the commands to run, in order, before `case` can be built from checkpoints.

    Args:
        case: The case.
        data: Folder of the training images; None shows FASHION_MNIST in the commands.
        checkpoints: Folder of the checkpoints; None shows CHECKPOINTS in the commands.

    Raises:
        UsageError: The net does not take the training images.
    """
    if not ModelVariant.parse(case.model).embedded:
        raise UsageError(f"{case.compression} trains on Fashion-MNIST, whose images do not fit {case.model}")
    folder, images = str(checkpoints or "CHECKPOINTS"), ("--data", str(data or "FASHION_MNIST"))
    commands: list[Command] = []
    for model in dict.fromkeys([case.model, *_teachers(case)]):
        if _exists(checkpoints, f"{model}.pt"):
            continue
        if source := shipped_checkpoint(model):
            commands += [
                ("install", "-D", str(source.with_suffix(suffix)), f"{folder}/{model}{suffix}")
                for suffix in _CHECKPOINT_SUFFIXES
            ]
        else:
            options = () if model == case.model else TEACHER_TRAINING_OPTIONS
            train = ("python", "-m", "suites.preparation.training.train", model)
            commands.append((*train, *images, "--out", folder, *options))
    fine_tuning = Chain.parse(case.compression).fine_tuning_name
    if fine_tuning and not _exists(checkpoints, f"{case.model}/{fine_tuning}.pt"):
        tune = ("python", "-m", "suites.preparation.training.tune", case.model, fine_tuning)
        commands.append((*tune, *images, "--checkpoints", folder))
    return commands


def _teachers(case: Case) -> list[str]:
    """Return the net that teaches, where a setting distills."""
    distills = any(setting.distills for setting in Chain.parse(case.compression).fine_tuning)
    return [teacher_model(case.model)] if distills else []


def _exists(folder: Path | None, file: str) -> bool:
    return folder is not None and (folder / file).is_file()


def shell_lines(commands: list[Command]) -> str:
    """Return the commands as a user types them, one per line."""
    return "\n  ".join(shlex.join(command) for command in commands)


def run_commands(commands: list[Command]) -> None:
    """Run commands one after another; their log goes to standard output.

    Raises:
        SetupError: A command fails.
    """
    for command in commands:
        name, *arguments = command
        program = sys.executable if name == "python" else name
        status = subprocess.run([program, *arguments], check=False).returncode
        if status:
            raise SetupError(f"{shlex.join(command)} ended with status {status}", "see its last lines for the reason")


def build_from_checkpoint(case: Case, kind: Format, checkpoints: Path, folder: Path) -> Entry:
    """Write the file of a case into `folder`, from the checkpoint of its setting.

    Args:
        case: The case.
        kind: Format of the file.
        checkpoints: Folder of the checkpoints.
        folder: Where to write the file.

    Raises:
        UsageError: The setting started from another net than the shipped one, so that its results cannot be compared
            with the shipped fp32 file.
        SetupError: Torch is not installed.
    """
    start = checkpoints / f"{case.model}.pt"
    if (origin := sha256_of(start)) not in _shipped_checkpoint_hashes(case.model):
        raise UsageError(
            f"{start} is another net than the {case.model} that ships", "remove it: the shipped one is used then"
        )
    require_torch()
    from .training.checkpoint import Checkpoint
    from .training.export import export_artifacts
    from .training.fashion_mnist import ModelInputs

    checkpoint = Checkpoint(checkpoints, case.model, Chain.parse(case.compression).fine_tuning_name)
    with contextlib.redirect_stdout(io.StringIO()):  # the exporters print every step
        (entry,) = export_artifacts(checkpoint, [case.compression], folder, [ModelInputs(kind)])
    recipe = {**entry["recipe"], "origin_sha256": origin, "tuning": entry.get("tuning", {})}
    return Entry.from_json({**entry, "recipe": recipe})
