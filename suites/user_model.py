"""A model file of the user: its files, its cases on the runtimes that take it, and how images become its input."""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.core import plugins
from harness.core.artifact import (
    FORMATS,
    Artifact,
    Format,
    Preprocess,
    ScoredOutput,
    files_of,
    format_of,
    missing_files_of,
    sha256_of,
    size_of,
)
from harness.core.case import Case
from harness.core.errors import ModelError, UsageError
from harness.core.printable import escape_surrogates
from harness.core.task import Interface
from harness.datasets import label_mapping
from harness.datasets.label_mapping import LabelMapping
from harness.datasets.model_outputs import choose_output
from harness.datasets.preprocessing import ImageInput, check_shape, fitted, image_input, parse
from harness.measure.given_inputs import GivenInputs
from harness.runtimes.inputs import ONLY, is_fixed

from .inspection import Inspection, Shape, inspect, signatures
from .model_metadata import ModelMetadata, read_metadata
from .suite import AS_IS

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class UserModel:
    """A model file of the user.

    Attributes:
        path: The file or folder. It is handed on as it was given: a link may have neighbours that its target has not.
        shapes: Shapes of inputs, by input name.
        batch: Samples per inference; None where the user did not say.
        given: Arrays of the user for its inputs.
        signature: The entry point to run, of a model that has several; '' for its only or primary one.

    Raises:
        ModelError: The file is missing, empty or of an unknown kind, a file that belongs to it is missing, or it has
            no such signature.
    """

    path: Path
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    batch: int | None = None
    given: GivenInputs | None = None
    signature: str = ""

    def __post_init__(self) -> None:
        if not self.path.exists():
            raise ModelError(f"no such model file: {self.path}", _near(self.path))
        if format_of(self.path) is None:
            raise ModelError(f"{self.path}: unknown kind of model '{self.path.suffix}'", f"known: {_known()}")
        self._check_files()
        if size_of(self.path) == 0:
            raise ModelError(f"{self.path} is empty")
        if self.signature and self.signature not in self.signatures:
            raise ModelError(
                f"{self.path} has no signature '{self.signature}': it has {', '.join(self.signatures) or 'none'}",
                "--signature NAME with one of these, or all" if self.signatures else "leave --signature out",
            )

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

    @property
    def name(self) -> str:
        """What its cases are called: the file's stem, with the signature where one is asked for."""
        stem = escape_surrogates(self.path.stem)
        return f"{stem}:{self.signature}" if self.signature else stem

    @cached_property
    def signatures(self) -> tuple[str, ...]:
        """Names of its entry points; empty where it has one alone."""
        return signatures(self.path, self.format)

    def cases(self, runtimes: Iterable[str], threads: Sequence[int], dataset: str | None) -> list[Case]:
        """Return one case per runtime and thread count; `runtimes` that do not take the format are left out.

        Raises:
            ModelError: None of the runtimes takes the format.
            UsageError: See `samples`.
        """
        fitting = [name for name in runtimes if self.format in plugins.load("runtimes", name).formats]
        if not fitting:
            raise ModelError(f"none of the runtimes asked for takes {_shown(self.format)}: {', '.join(runtimes)}")
        return [
            Case(self.name, AS_IS, name, threads=n, batch=self.samples, weights="user", dataset=dataset)
            for name in fitting
            for n in threads
        ]

    def artifact(self, preprocess: Preprocess | None, interface: Interface | None = None) -> Artifact:
        """Return the file as an artifact, with what it takes to score it."""
        return Artifact(
            path=self.path,
            format=self.format,
            sha256=sha256_of(self.path),
            size_bytes=size_of(self.path),
            preprocess=preprocess,
            recipe={
                "setting": AS_IS,
                "source": self.path.name,
                **({"signature": self.signature} if self.signature else {}),
            },
            output=interface.output if interface else None,
            decode=interface.decode if interface else "",
            batch=self.fixed_batch,
            signature=self.signature,
        )

    @cached_property
    def inspection(self) -> Inspection:
        """Shapes of inputs and outputs.

        Raises:
            UsageError: The shape of an input is not known, or the given one does not fit.
            ModelError: No runtime runs the model.
        """
        return inspect(self.path, self.format, self.shapes, self.batch or 1, self.given, self.signature)

    @property
    def fixed_shapes(self) -> Mapping[str, Shape]:
        """The given shapes, and those that arrays give to inputs with dynamic dimensions other than the batch."""
        if self.given is None:
            return self.shapes
        found = self.inspection
        dynamic = {
            name: found.inputs[name]
            for name, declared in found.declared.items()
            if not all(map(is_fixed, declared[name in found.free :]))
        }
        return {**dynamic, **self.shapes}

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
        if self.given is not None:
            given = self.given.shapes.get(name) or self.given.shapes[ONLY]
            return UsageError(
                f"{self.path}: the first dimension of input '{name}' {list(declared)} has no size, and it is not known "
                f"whether its array of {list(given)} is one input or {given[0]}",
                f"where it is one, give an array of {[1, *given]}; where the rows are samples, add --batch 1",
            )
        sizes = [16_000 if axis == 0 else size for axis, size in enumerate(found.inputs[name])]
        return UsageError(
            f"{self.path}: the first dimension of input '{name}' {list(declared)} has no size, and it is not known to "
            "be a batch",
            f"give the shape to measure, such as --shape {name}={'x'.join(map(str, sizes))}; where that dimension is "
            "a batch, --batch 1",
        )

    def preprocess(self, text: str | None) -> Preprocess:
        """Return how images become this model's input, as `preprocessing` finds it."""
        return self.preprocessing(text)[0]

    def preprocessing(self, text: str | None) -> tuple[Preprocess, str]:
        """Return how images become this model's input, and where that comes from.

        Layout, channels and size come from the model's input. Without `text`, the note beside the file counts, as
        `edgebench prepare` writes it, then the file's own metadata; without either, pixels are scaled to [0, 1].

        Args:
            text: What the user gave, as `harness.datasets.preprocessing.parse` takes it.

        Raises:
            UsageError: The images would not have the shape of the model's input.
        """
        into = self._image_input
        if text is None and (noted := self._noted()) is not None:
            how, source = noted, f"the note {note_of(self.path).name}"
        elif text is None and (given := self.metadata.preprocess) is not None:
            how, source = fitted(given.on(into), "", into.height, into.width), "the file's metadata"
        else:
            how = fitted(parse(text or "unit", into.layout, into.channels), text or "", into.height, into.width)
            source = (
                f"--preprocess {text}" if text else "the default, since neither --preprocess nor the file says more"
            )
            if text is None and max(map(math.prod, self.inspection.sample_outputs.values())) == label_mapping.CLASSES:
                _log.warning("%s: pixels are scaled to [0, 1]; nets trained on ImageNet want --preprocess", self.path)
        check_shape(how, into, f"{self.path}: {source}")
        return how, source

    @property
    def _image_input(self) -> ImageInput:
        inputs = self.inspection.inputs
        try:
            return image_input(inputs)
        except UsageError as error:
            raise UsageError(f"{self.path}: {error.message}", error.remedy) from error

    @cached_property
    def metadata(self) -> ModelMetadata:
        """What the file itself says of its images and classes."""
        return read_metadata(self.path, self.format)

    def output(self, mapping: LabelMapping, wanted: str | None = None) -> ScoredOutput:
        """Return the output to score, as `harness.datasets.model_outputs.choose_output` chooses it."""
        return choose_output(self.inspection.sample_outputs, mapping, wanted, self.metadata.class_names)

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


def _near(path: Path) -> str:
    """Return the model beside a missing one whose name is nearest, else what to give."""
    import difflib

    try:
        beside = [file.name for file in path.parent.iterdir() if format_of(file) is not None]
    except OSError:
        beside = []
    near = difflib.get_close_matches(path.name, beside, n=1)
    return f"did you mean {path.with_name(near[0])}?" if near else f"give the path of a model: {_known()}"


def _known() -> str:
    return ", ".join(map(_shown, FORMATS))


def _shown(file_format: Format) -> str:
    """Return the suffix of a format, whatever that of the file is; of a folder its title."""
    facts = FORMATS[file_format]
    return facts.suffixes[0] if facts.suffixes else f"a {facts.title} folder"
