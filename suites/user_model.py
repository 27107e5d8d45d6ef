"""A user's own model file: its cases, one a runtime that takes its format, and its labelled images."""

from __future__ import annotations

import dataclasses
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
    Layout,
    Preprocess,
    ScoredOutput,
    format_of,
    sha256_of,
    size_of,
)
from harness.core.case import Case
from harness.core.errors import ModelError, UsageError
from harness.core.hostfs import HostFs
from harness.datasets import label_mapping
from harness.datasets.label_mapping import LabelMapping
from harness.datasets.model_outputs import choose_output
from harness.datasets.preprocessing import parse
from harness.host.resource_limits import process_limit_bytes
from harness.measure.passes.worker_process import WorkerFailure, run_worker
from harness.measure.protocol import Job
from harness.runtimes.installed import by_preference

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
            Case(self.path.stem, SETTING, name, threads=n, weights="user", dataset=dataset)
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
        """How images become this model's input: `text` as `harness.datasets.preprocessing.parse` takes it.

        Layout, channels and size come from the model's input. Without `text` it is what the note beside the file says,
        as `edgebench prepare` writes it; without that too, pixels are scaled to [0, 1].
        """
        noted = self._noted() if text is None else None
        if noted is not None:
            return noted
        signature = self._signature
        layout, channels, size = image_input(signature["inputs"], self.path)
        if text is None and outputs_of(signature) == label_mapping.CLASSES:
            _log.warning("%s: pixels are scaled to [0, 1]; nets trained on ImageNet want --preprocess", self.path)
        return fitted(parse(text or "unit", layout, channels), text or "", size)

    def output(self, mapping: LabelMapping, wanted: str | None = None) -> ScoredOutput:
        """Return the output to score, as `harness.datasets.model_outputs.choose_output` chooses it."""
        return choose_output(self._signature["outputs"], mapping, wanted)

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


def outputs_of(signature: dict[str, Any]) -> int:
    """How many values the model's first output has, as seen for one image."""
    return math.prod(next(iter(signature["outputs"].values()), [0]))


def fitted(how: Preprocess, given: str, size: int) -> Preprocess:
    """`how` for a model with inputs of `size` px: what the text `given` does not set is scaled to them."""
    crop = how.crop if how.crop is not None and "crop=" in given else size - 2 * how.pad
    margin = (how.resize or 1) / (how.crop or how.resize or 1)
    resize = how.resize if "resize=" in given else round(crop * margin)
    return dataclasses.replace(how, crop=crop, resize=resize)


def image_input(inputs: list[dict[str, Any]], path: Path) -> tuple[Layout, int, int]:
    """Layout, channels and edge in pixels of a model's only input; UsageError when it does not take square images."""
    shape = inputs[0]["shape"] if len(inputs) == 1 else []
    if len(shape) == 4:
        for layout, (channels, *edges) in (("NCHW", shape[1:]), ("NHWC", [shape[3], *shape[1:3]])):
            if channels in (1, 3) and edges[0] == edges[1] and isinstance(edges[0], int) and edges[0] > 0:
                return layout, channels, edges[0]  # type: ignore[return-value]
    raise UsageError(
        f"{path}: --data needs a model with one input of square images, this one takes "
        + "; ".join(f"{entry['name']} {entry['shape']}" for entry in inputs),
        "leave --data out: latency needs no images",
    )


def _known() -> str:
    return ", ".join(facts.suffixes[0] if facts.suffixes else f"a {facts.title} folder" for facts in FORMATS.values())
