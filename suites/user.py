"""A user's own model file: its cases, one a runtime that takes its format, and its labelled images."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

from harness.accuracy.preprocess import parse
from harness.core import plugins
from harness.core.artifact import Artifact, Format, Layout, Preprocess, sha256_of
from harness.core.case import Case
from harness.core.errors import ModelError, UsageError
from harness.measure.job import Job
from harness.measure.process import Failure, run_worker

SETTING = "as-is"
"""The compression label of a file whose making is unknown."""


@dataclass(frozen=True)
class UserModel:
    """A model file of the user's. Raises ModelError when it is missing, empty or of an unknown kind."""

    path: Path

    def __post_init__(self) -> None:
        if not self.path.is_file():
            raise ModelError(f"no such model file: {self.path}", "give the path of an .onnx or .tflite file")
        if self.path.suffix[1:] not in get_args(Format):
            raise ModelError(f"{self.path}: unknown kind of model '{self.path.suffix}'", "known: .onnx, .tflite")
        if self.path.stat().st_size == 0:
            raise ModelError(f"{self.path} is empty")

    @property
    def format(self) -> Format:
        """The format, by the file's suffix."""
        return "onnx" if self.path.suffix == ".onnx" else "tflite"

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

    def artifact(self, preprocess: Preprocess | None) -> Artifact:
        """The file as an artifact."""
        return Artifact(
            path=self.path,
            format=self.format,
            sha256=sha256_of(self.path),
            size_bytes=self.path.stat().st_size,
            preprocess=preprocess,
            recipe={"setting": SETTING, "source": self.path.name},
        )

    def preprocess(self, text: str | None) -> Preprocess:
        """How images become this model's input: `text` as `harness.accuracy.preprocess.parse` takes it.

        Layout, channels and size come from the model's input; without `text` pixels are scaled to [0, 1].
        """
        layout, channels, size = image_input(self._inputs(), self.path)
        how = parse(text or "unit", layout, channels)
        given = text or ""
        crop = how.crop if how.crop is not None and "crop=" in given else size - 2 * how.pad
        margin = (how.resize or 1) / (how.crop or how.resize or 1)
        resize = how.resize if "resize=" in given else round(crop * margin)
        return dataclasses.replace(how, crop=crop, resize=resize)

    def _inputs(self) -> list[dict[str, Any]]:
        """The model's inputs, looked up in a process of its own: a file that crashes its runtime crashes only that."""
        points = plugins.registered("runtimes")
        fitting = [p.value for n, p in points.items() if n != "null" and self.format in p.load().formats]
        with TemporaryDirectory(prefix="edgebench-") as scratch:
            answer = run_worker(Job("inspect", fitting[0], str(self.path.resolve()), f"{scratch}/job"), timeout_s=120)
        if isinstance(answer, Failure):
            raise ModelError(f"{self.path}: {answer.verdict.status}: {answer.verdict.reason}")
        inputs: list[dict[str, Any]] = answer.result["inputs"]
        return inputs


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
