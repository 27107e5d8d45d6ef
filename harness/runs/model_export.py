"""Copy the files that a run built of a user's models to a folder, under names that people can tell apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.core.case import Case
from harness.core.errors import SetupError, UsageError, reason_of
from harness.core.model_files.model_copy import copy_model
from harness.core.record import Record
from harness.measure.prepared import PreparedCase
from suites.user_model import write_note


def check_folder(folder: Path) -> None:
    """Refuse a path that cannot be a folder, before anything is measured.

    Raises:
        UsageError: It is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--export {folder}: it is a file", "give a folder")


def export_models(prepared: Iterable[PreparedCase], records: Iterable[Record], folder: Path) -> Iterator[Path]:
    """Copy every built file whose case gave figures, with a note of its preprocessing, and yield its path.

    Args:
        prepared: The cases of the run.
        records: What was measured.
        folder: Where to; it is created.

    Raises:
        SetupError: The folder cannot be written.
    """
    measured = {record.case_id for record in records if record.value("n_inferences") is not None}
    chosen = [one for one in prepared if one.case.id in measured and "source_sha256" in one.artifact.recipe]
    for path in dict.fromkeys(one.artifact.path for one in chosen):
        one = next(one for one in chosen if one.artifact.path == path)
        try:
            yield _copy(one, folder)
        except OSError as error:
            raise SetupError(
                f"{folder} cannot be written: {reason_of(error)}", "give --export another folder"
            ) from error


def _copy(one: PreparedCase, folder: Path) -> Path:
    path = one.artifact.path
    target = folder / f"{export_name(one.case)}{path.suffix}"
    folder.mkdir(parents=True, exist_ok=True)
    copy_model(path, target)
    write_note(target, one.artifact.preprocess, dict(one.artifact.recipe))
    return target


def export_name(case: Case) -> str:
    """Return the name of a case's file without its suffix: model and setting."""
    return "-".join([*case.model.removesuffix(".onnx").split("/"), case.compression])
