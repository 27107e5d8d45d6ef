"""A user's own model file: its cases, one a runtime that takes its format, and its labelled images."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from harness.core import plugins
from harness.core.artifact import (
    FORMATS,
    Artifact,
    Format,
    Preprocess,
    ScoredOutput,
    format_of,
    sha256_of,
    size_of,
)
from harness.core.case import Case
from harness.core.errors import ModelError, UsageError
from harness.core.files import printable
from harness.core.hostfs import HostFs
from harness.datasets import label_mapping
from harness.datasets.label_mapping import LabelMapping
from harness.datasets.model_outputs import choose_output
from harness.datasets.preprocessing import ImageInput, check_shape, fitted, image_input, parse
from harness.host.resource_limits import process_limit_bytes
from harness.measure.passes.worker_process import WorkerFailure, run_worker
from harness.measure.protocol import Job
from harness.runtimes.installed import by_preference

from .model_metadata import ModelMetadata, read_metadata

_log = logging.getLogger(__name__)

SETTING = "as-is"
"""The compression label of a file whose making is unknown."""


@dataclass(frozen=True)
class UserModel:
    """A model file of the user's. Raises ModelError when it is missing, empty or of an unknown kind."""

    path: Path

    def __post_init__(self) -> None:
        if not self.path.exists():
            raise ModelError(f"no such model file: {self.path}", "give the path of an .onnx or .tflite file")
        if format_of(self.path) is None:
            raise ModelError(f"{self.path}: unknown kind of model '{self.path.suffix}'", f"known: {_known()}")
        if size_of(self.path) == 0:
            raise ModelError(f"{self.path} is empty")

    @property
    def format(self) -> Format:
        """The format, by the file's suffix."""
        found = format_of(self.path)
        assert found is not None
        return found

    def cases(self, runtimes: Iterable[str], threads: Sequence[int], dataset: str | None) -> list[Case]:
        """One case a runtime and thread count; `runtimes` that do not take the format are left out."""
        fitting = [name for name in runtimes if self.format in plugins.load("runtimes", name).formats]
        if not fitting:
            raise ModelError(f"none of the runtimes asked for takes {self.path.suffix}: {', '.join(runtimes)}")
        return [
            Case(printable(self.path.stem), SETTING, name, threads=n, weights="user", dataset=dataset)
            for name in fitting
            for n in threads
        ]

    def artifact(self, preprocess: Preprocess | None, output: ScoredOutput | None = None) -> Artifact:
        """Return the file as an artifact, with what it takes to score it."""
        return Artifact(
            path=self.path,
            format=self.format,
            sha256=sha256_of(self.path),
            size_bytes=size_of(self.path),
            preprocess=preprocess,
            recipe={"setting": SETTING, "source": self.path.name},
            output=output,
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
            if text is None and max(map(math.prod, self.outputs.values())) == label_mapping.CLASSES:
                _log.warning("%s: pixels are scaled to [0, 1]; nets trained on ImageNet want --preprocess", self.path)
        check_shape(how, into, f"{self.path}: {source}")
        return how, source

    @property
    def _image_input(self) -> ImageInput:
        try:
            return image_input(self._signature["inputs"])
        except UsageError as error:
            raise UsageError(f"{self.path}: {error.message}", error.remedy) from error

    @cached_property
    def metadata(self) -> ModelMetadata:
        """What the file itself says of its images and classes."""
        return read_metadata(self.path, self.format)

    def output(self, mapping: LabelMapping, wanted: str | None = None) -> ScoredOutput:
        """Return the output to score, as `harness.datasets.model_outputs.choose_output` chooses it."""
        return choose_output(self.outputs, mapping, wanted, self.metadata.class_names)

    @property
    def outputs(self) -> dict[str, list[int]]:
        """Shape of each output for one image, by name, in the model's order."""
        shapes: dict[str, list[int]] = self._signature["outputs"]
        return shapes

    def _noted(self) -> Preprocess | None:
        """What the note beside the file says of its images, where it is a note of this file."""
        try:
            note = json.loads(note_of(self.path).read_text(encoding="utf-8"))
            fits = note["sha256"] == sha256_of(self.path) and note["preprocess"]
            return Preprocess.from_json(note["preprocess"]) if fits else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @cached_property
    def _signature(self) -> dict[str, Any]:
        """The model's inputs and outputs, seen in a process of its own: what crashes there crashes nothing else."""
        fitting = [name for name, one in by_preference() if one.support(self.format).ok]
        if not fitting:
            raise ModelError(f"{self.path}: no runtime that takes {self.format} is installed", "see edgebench runtimes")
        runtime = plugins.reference("runtimes", fitting[0])
        with TemporaryDirectory(prefix="edgebench-") as scratch:
            limit = process_limit_bytes(None, HostFs())
            job = Job("inspect", runtime, str(self.path.resolve()), f"{scratch}/job", memory_bytes=limit)
            answer = run_worker(job, timeout_s=120)
        if isinstance(answer, WorkerFailure):
            raise ModelError(f"{self.path}: {answer.verdict.status}: {answer.verdict.reason}")
        signature: dict[str, Any] = answer.result
        return signature


def note_of(model: Path) -> Path:
    """Where `edgebench prepare` notes what a model file is: beside it."""
    return model.with_name(f"{model.name}.json")


def _known() -> str:
    return ", ".join(facts.suffixes[0] if facts.suffixes else f"a {facts.title} folder" for facts in FORMATS.values())
