"""Copies of models: all files of a model, under the model's new name."""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from harness.core.artifact import files_of, format_of, missing_files_of
from harness.core.errors import ModelError


def copy_model(source: Path, target: Path) -> None:
    """Copy a model with all its files; `target` is the new file or folder.

    Files that an .onnx names keep their names relative to it; in other formats they follow the new stem. The model
    itself comes last, so that a copy that was interrupted is not taken for a model.

    Raises:
        ModelError: A file of it is missing or lies outside of its folder, or the copy would replace a file of another
            model.
        OSError: The target cannot be written.
    """
    if target.exists() and target.samefile(source):
        return
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
        return
    if missing := missing_files_of(source):
        raise ModelError(f"{source}: {missing[0]} is missing, which belongs to it", "export the model again")
    copies = {file: _place_beside(target, file, source) for file in files_of(source)[1:]}
    if format_of(source) == "onnx":
        _check_places(copies, source, target)
    for file, copy in {**copies, source: target}.items():
        copy.parent.mkdir(parents=True, exist_ok=True)
        if not (copy.exists() and copy.samefile(file)):
            shutil.copyfile(file, copy)


def _place_beside(target: Path, file: Path, source: Path) -> Path:
    """Return the place, beside the copy of a model, of the copy of a file beside it."""
    if format_of(source) == "onnx":
        return target.parent / os.path.relpath(file, source.parent)
    if file.name.startswith(source.name):
        return target.with_name(target.name + file.name.removeprefix(source.name))
    return target.with_suffix(file.suffix)


def _check_places(copies: Mapping[Path, Path], source: Path, target: Path) -> None:
    """Refuse to write outside of the target's folder, or over the weights of another model."""
    own = files_of(target) if target.is_file() else []
    for file, copy in copies.items():
        if not copy.resolve().is_relative_to(target.parent.resolve()):
            raise ModelError(f"{source} keeps weights outside of its folder: {file}", "export the model again")
        if copy.is_file() and copy not in own and not filecmp.cmp(copy, file, shallow=False):
            raise ModelError(f"{copy} exists and is not that of {source}", "copy the model to a folder of its own")
