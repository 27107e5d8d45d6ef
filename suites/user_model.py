"""A model file of the user: its files, its cases on the runtimes that take it, and how images become its input."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from harness.core import plugins
from harness.core.artifact import (
    FORMATS,
    Artifact,
    Format,
    Layout,
    Preprocess,
    files_of,
    format_of,
    missing_files_of,
    sha256_of,
    size_of,
)
from harness.core.case import Case
from harness.core.errors import ModelError, UsageError
from harness.datasets import label_mapping
from harness.datasets.dataset import Dataset
from harness.datasets.preprocessing import parse

from .inspection import Inspection, Shape, inspect

_log = logging.getLogger(__name__)

SETTING = "as-is"
"""The compression label of a file whose making is unknown."""


@dataclass(frozen=True)
class UserModel:
    """A model file of the user.

    Attributes:
        path: The file or folder. It is handed on as it was given: a link may have neighbours that its target has not.
        shapes: Shapes of inputs, by input name.
        batch: Samples per inference; None where the user did not say.

    Raises:
        ModelError: The file is missing, empty or of an unknown kind, or a file that belongs to it is missing.
    """

    path: Path
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    batch: int | None = None

    def __post_init__(self) -> None:
        if not self.path.exists():
            raise ModelError(f"no such model file: {self.path}", "give the path of an .onnx or .tflite file")
        if format_of(self.path) is None:
            raise ModelError(f"{self.path}: unknown kind of model '{self.path.suffix}'", f"known: {_known()}")
        self._check_files()
        if size_of(self.path) == 0:
            raise ModelError(f"{self.path} is empty")

    def _check_files(self) -> None:
        """Refuse a model of several files that are not all there, or lie elsewhere than with it."""
        if missing := missing_files_of(self.path):
            names = ", ".join(os.path.relpath(file, self.path.parent) for file in missing[:3])
            more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
            verb = "is" if len(missing) == 1 else "are"
            raise ModelError(
                f"{self.path}: {names}{more}, which holds weights of it, {verb} missing",
                f"copy it to its place beside {self.path.name}, or export the model again",
            )
        for file in files_of(self.path):
            if os.path.relpath(file, self.path.parent).startswith(".."):
                raise ModelError(
                    f"{self.path} keeps weights outside of its folder: {file}",
                    "runtimes refuse that: export the model again with its weights beside it",
                )

    @property
    def format(self) -> Format:
        """The format, by the file's suffix."""
        known = format_of(self.path)
        assert known is not None
        return known

    def cases(self, runtimes: Iterable[str], threads: Sequence[int], dataset: str | None) -> list[Case]:
        """Return one case per runtime and thread count; `runtimes` that do not take the format are left out.

        Raises:
            ModelError: None of the runtimes takes the format.
            UsageError: See `samples`.
        """
        fitting = [name for name in runtimes if self.format in plugins.load("runtimes", name).formats]
        if not fitting:
            raise ModelError(f"none of the runtimes asked for takes {self.path.suffix}: {', '.join(runtimes)}")
        return [
            Case(self.path.stem, SETTING, name, threads=n, batch=self.samples, weights="user", dataset=dataset)
            for name in fitting
            for n in threads
        ]

    def artifact(self, preprocess: Preprocess | None) -> Artifact:
        """Return the model as an artifact."""
        return Artifact(
            path=self.path,
            format=self.format,
            sha256=sha256_of(self.path),
            size_bytes=size_of(self.path),
            preprocess=preprocess,
            recipe={"setting": SETTING, "source": self.path.name},
            batch=self.fixed_batch,
        )

    @cached_property
    def inspection(self) -> Inspection:
        """Shapes of inputs and outputs.

        Raises:
            UsageError: The shape of an input is not known, or the given one does not fit.
            ModelError: No runtime runs the model.
        """
        return inspect(self.path, self.format, self.shapes, self.batch or 1)

    @property
    def input_names(self) -> list[str]:
        """Names of the inputs; none where no runtime runs the model."""
        try:
            return list(self.inspection.declared)
        except ModelError:
            return []

    @cached_property
    def samples(self) -> int:
        """Samples per inference: the batch of the user, or the one that the file or the given shapes fix, or 1.

        Raises:
            UsageError: The file fixes another batch than the user's, or it is not known whether a dynamic first
                dimension is a batch.
        """
        try:
            found = self.inspection
        except ModelError:  # what is wrong with it is the result of its cases
            return self.batch or 1
        if self.batch is None:
            if found.unclear:
                raise self._unclear(found)
            return found.samples
        if not found.free and found.samples not in (1, self.batch):
            raise UsageError(
                f"{self.path} has a fixed batch of {found.samples}, not {self.batch}",
                f"leave --batch out, or export the model with a batch of {self.batch}",
            )
        return self.batch

    @cached_property
    def fixed_batch(self) -> int:
        """Samples per inference where the file or the given shapes fix them, 1 where the batch is free."""
        try:
            return 1 if self.inspection.free else self.samples
        except ModelError:
            return 1

    def _unclear(self, found: Inspection) -> UsageError:
        """Return the error that asks for a size."""
        name = found.unclear[0]
        declared = found.declared[name]
        sizes = [16_000 if axis == 0 else size for axis, size in enumerate(found.inputs[name])]
        return UsageError(
            f"{self.path}: the first dimension of input '{name}' {list(declared)} has no size, and it is not known to "
            "be a batch",
            f"give the shape to measure, such as --shape {name}={'x'.join(map(str, sizes))}; where that dimension is "
            "a batch, --batch 1",
        )

    def preprocess(self, text: str | None) -> Preprocess:
        """Return how images become this model's input.

        Layout, channels and size come from the model's input. Without `text` it is what the note beside the file says,
        as `edgebench prepare` writes it; without that too, pixels are scaled to [0, 1].

        Args:
            text: Preset or settings, as `harness.datasets.preprocessing.parse` takes it.
        """
        noted = self._noted() if text is None else None
        if noted is not None:
            return noted
        layout, channels, size = image_input(self.inspection, self.path)
        if text is None and self.inspection.values_per_sample == label_mapping.CLASSES:
            _log.warning("%s: pixels are scaled to [0, 1]; nets trained on ImageNet want --preprocess", self.path)
        return fitted(parse(text or "unit", layout, channels), text or "", size)

    def check_classes(self, data: Dataset) -> None:
        """Refuse a data set whose classes cannot be the model's outputs.

        Raises:
            DataError: They differ in number.
        """
        everything = np.arange(data.numbering.classes)
        data.numbering.fit(everything, self.inspection.values_per_sample)

    def _noted(self) -> Preprocess | None:
        """Return what the note beside the file says of its images, where it is a note of this file."""
        try:
            note = json.loads(note_of(self.path).read_text(encoding="utf-8"))
            fits = note["sha256"] == sha256_of(self.path) and note["preprocess"]
            return Preprocess.from_json(note["preprocess"]) if fits else None
        except (OSError, ValueError, KeyError, TypeError):
            return None


def note_of(model: Path) -> Path:
    """Return the path of the note of a model file, beside it."""
    return model.with_name(f"{model.name}.json")


def write_note(model: Path, preprocess: Preprocess | None, recipe: Mapping[str, Any]) -> None:
    """Write the note of a model file beside it: how images become its input, and how it was made."""
    note = {
        "sha256": sha256_of(model),
        "preprocess": dataclasses.asdict(preprocess) if preprocess else None,
        "recipe": dict(recipe),
    }
    note_of(model).write_text(json.dumps(note, indent=1) + "\n", encoding="utf-8")


def fitted(how: Preprocess, given: str, size: int) -> Preprocess:
    """Return `how` for inputs of `size` px: what the text `given` does not set is scaled to them."""
    crop = how.crop if how.crop is not None and "crop=" in given else size - 2 * how.pad
    margin = (how.resize or 1) / (how.crop or how.resize or 1)
    resize = how.resize if "resize=" in given else round(crop * margin)
    return dataclasses.replace(how, crop=crop, resize=resize)


def image_input(found: Inspection, path: Path) -> tuple[Layout, int, int]:
    """Return layout, channels and edge in pixels of a model's only input.

    Raises:
        UsageError: It does not take square images.
    """
    shape = next(iter(found.inputs.values())) if len(found.inputs) == 1 else ()
    if len(shape) == 4:
        candidates: tuple[tuple[Layout, tuple[int, ...]], ...] = (
            ("NCHW", shape[1:]),
            ("NHWC", (shape[3], *shape[1:3])),
        )
        for layout, (channels, height, width) in candidates:
            if channels in (1, 3) and height == width:
                return layout, channels, height
    raise UsageError(
        f"{path}: --data needs a model with one input of square images, this one takes "
        + "; ".join(f"{name} {list(declared)}" for name, declared in found.declared.items()),
        "leave --data out: latency needs no images",
    )


def _known() -> str:
    return ", ".join(facts.suffixes[0] if facts.suffixes else f"a {facts.title} folder" for facts in FORMATS.values())
