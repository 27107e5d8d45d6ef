"""The larger net that teaches each family, and how it is trained. Importing it costs no torch.

Settings that train, from checkpoints: what is still to be run, and the file made of the result.

The nets as trained ship (`suites/artifacts/<model>/training.pt`): every setting starts from them, so that all results
compare with the fp32 that ships. What tuning makes of them is the user's own.
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

TEACHER_WIDTHS = {"efficientnet_lite0": 0.6, "mobilenet_v2": 1.0, "shufflenet_v2": 1.0}
"""Two to three times as wide as the nets that ship."""
TEACHER_TRAINING_OPTIONS = ("--epochs", "12", "--learning-rate", "0.1", "--label-smoothing", "0")
"""How `suites.preparation.training.train` is asked for them.

Six epochs are too few: that teacher is no better than its pupil was. Without label smoothing, which takes from a
teacher what it knows of the likeness of classes (arXiv 1906.02629); at twice this rate and without it
mobilenet_v2-1.0-32 forgot in its fifth epoch much of what it had learnt.
"""


def teacher_model(model: str) -> str:
    """Name of the net that teaches ``model``. UsageError where its family has none."""
    variant = ModelVariant.parse(model)
    if variant.family not in TEACHER_WIDTHS:
        raise UsageError(
            f"no larger net is there to teach {model}", f"distilled exists for {', '.join(sorted(TEACHER_WIDTHS))}"
        )
    return str(replace(variant, width=TEACHER_WIDTHS[variant.family]))


Command = tuple[str, ...]


def require_torch() -> None:
    """SetupError where torch is not installed."""
    if importlib.util.find_spec("torch") is None:
        raise SetupError("training needs torch, which is not installed", "pip install 'edgebench[prepare]'")


def shipped_checkpoint(model: str) -> Path | None:
    """The checkpoint of a net as it was trained; its log lies beside it. None where it does not ship."""
    path = catalog.ARTIFACTS / model / "training.pt"
    return path if path.is_file() and sha256_of(path) in _origins(model) else None


def _origins(model: str) -> set[str]:
    return {one["training"]["checkpoint_sha256"] for (name, _, _), one in catalog.shipped().items() if name == model}


def copy_shipped_checkpoint(model: str, checkpoints: Path) -> None:
    """Put the net as it was trained, with its log, into a folder of checkpoints that lacks it."""
    source = shipped_checkpoint(model)
    if source and not _there(checkpoints, f"{model}.pt"):
        checkpoints.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source.with_suffix(".jsonl"), checkpoints / f"{model}.jsonl")
        shutil.copyfile(source, checkpoints / f"{model}.pt")


def training_commands(case: Case, data: Path | None, checkpoints: Path | None) -> list[Command]:
    """What is to be run, in order, before `case` can be built from `checkpoints`; empty when nothing is.

    Unknown folders stand there as FASHION_MNIST and CHECKPOINTS. UsageError for a net that those images do not fit.
    """
    if not ModelVariant.parse(case.model).embedded:
        raise UsageError(f"{case.compression} trains on Fashion-MNIST, whose pictures {case.model} does not take")
    folder, images = str(checkpoints or "CHECKPOINTS"), ("--data", str(data or "FASHION_MNIST"))
    found: list[Command] = []
    for model in dict.fromkeys([case.model, *_teachers(case)]):
        if _there(checkpoints, f"{model}.pt"):
            continue
        if source := shipped_checkpoint(model):
            found += [("install", "-D", str(source.with_suffix(end)), f"{folder}/{model}{end}") for end in _ENDS]
        else:
            how = () if model == case.model else TEACHER_TRAINING_OPTIONS
            found.append(("python", "-m", "suites.preparation.training.train", model, *images, "--out", folder, *how))
    tuning = Chain.parse(case.compression).fine_tuning_name
    if tuning and not _there(checkpoints, f"{case.model}/{tuning}.pt"):
        tune = ("python", "-m", "suites.preparation.training.tune", case.model, tuning)
        found.append((*tune, *images, "--checkpoints", folder))
    return found


_ENDS = (".pt", ".jsonl")


def _teachers(case: Case) -> list[str]:
    """The net that teaches, where a setting asks for one."""
    return [teacher_model(case.model)] if any(one.distills for one in Chain.parse(case.compression).fine_tuning) else []


def _there(folder: Path | None, file: str) -> bool:
    return folder is not None and (folder / file).is_file()


def shell_lines(wanted: list[Command]) -> str:
    """The commands as a user types them, one a line."""
    return "\n  ".join(shlex.join(command) for command in wanted)


def run_commands(wanted: list[Command]) -> None:
    """Run the commands one after another, their log to standard output; SetupError when one fails."""
    for command in wanted:
        name, *rest = command
        status = subprocess.run([sys.executable if name == "python" else name, *rest], check=False).returncode
        if status:
            raise SetupError(f"{shlex.join(command)} ended with status {status}", "its last lines say why")


def build_from_checkpoint(case: Case, kind: Format, checkpoints: Path, folder: Path) -> Entry:
    """Write the case's file into `folder`, from the checkpoint of its setting.

    UsageError where that began with another net than ships: its results would not compare with the fp32 here.
    """
    start = checkpoints / f"{case.model}.pt"
    if (origin := sha256_of(start)) not in _origins(case.model):
        raise UsageError(
            f"{start} is another net than the {case.model} that ships", "remove it: the shipped one is taken"
        )
    require_torch()
    from .training.checkpoint import Checkpoint
    from .training.export import export_artifacts
    from .training.fashion_mnist import ModelInputs

    checkpoint = Checkpoint(checkpoints, case.model, Chain.parse(case.compression).fine_tuning_name)
    with contextlib.redirect_stdout(io.StringIO()):  # the exporters tell every step of theirs
        (found,) = export_artifacts(checkpoint, [case.compression], folder, [ModelInputs(kind)])
    recipe = {**found["recipe"], "origin_sha256": origin, "tuning": found.get("tuning", {})}
    return Entry.from_json({**found, "recipe": recipe})
