"""A user's net under every setting asked for, on every runtime that can take it, as cases and their files.

Which settings `--compress` asks for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from harness.core import plugins
from harness.core.artifact import Artifact, Format, Preprocess, ScoredOutput, sha256_of
from harness.core.case import Case
from harness.core.errors import EdgebenchError, ModelError, UsageError
from harness.core.files import cache_dir
from harness.core.plugins import load, load_all
from suites.compression.base import Calibration, Compression
from suites.user_model import UserModel

from .build_cache import BuildCache
from .graph import Graph, float_graph
from .onnx_to_tflite import converted, converter
from .split import Split

FORMATS: tuple[Format, ...] = ("onnx", "tflite")
T = TypeVar("T")


class Once:
    """Does a thing once and gives its result, or raises its error, every time after: conversions take their time."""

    def __init__(self) -> None:
        self._done: dict[str, Any] = {}

    def __call__(self, name: str, make: Callable[[], T]) -> T:
        """What ``make`` gives, made at the first call under this name."""
        if name not in self._done:
            try:
                self._done[name] = make()
            except EdgebenchError as error:
                self._done[name] = error
        if isinstance(self._done[name], EdgebenchError):
            raise self._done[name]
        found: T = self._done[name]
        return found


def silent(_: str) -> None:
    """Nobody listens."""


@dataclass(frozen=True)
class CompressedModel:
    """The float .onnx ``model`` under ``settings``; ``shapes`` are for its dynamic inputs.

    ``images`` calibrate and are made inputs as ``preprocess`` says, None where there are none; ``output`` names the
    output to score, None leaves it to their classes; ``tell`` hears what is being built. ModelError or UsageError for a
    file that cannot be started from, DataError for images of other classes.
    """

    model: UserModel
    settings: Sequence[Compression]
    images: Split | None = None
    preprocess: str | None = None
    shapes: Mapping[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    tell: Callable[[str], None] = silent
    output: str | None = None

    def __post_init__(self) -> None:
        if self.model.format != "onnx":
            raise ModelError(
                f"{self.model.path}: --compress starts from a float .onnx",
                "give the .onnx it was made from, or measure the file as it is without --compress",
            )
        if self.images:
            self.scored  # noqa: B018 - raises where the images have other classes
        self._how("onnx")

    @cached_property
    def float_model(self) -> UserModel:
        """The float .onnx that settings start from."""
        return UserModel(self._source("onnx"))

    @cached_property
    def scored(self) -> ScoredOutput | None:
        """The output to score; None without images."""
        return self.float_model.output(self.images.data.label_mapping, self.output) if self.images else None

    @property
    def formats(self) -> tuple[Format, ...]:
        """What can be made of it."""
        return FORMATS

    def cases(self, runtimes: Iterable[str], threads: Sequence[int], dataset: str | None) -> list[Case]:
        """One case a setting, runtime and thread count; ModelError where no runtime takes what can be made."""
        names = list(runtimes)
        found = [name for name in names if set(FORMATS) & set(plugins.load("runtimes", name).formats)]
        if not found:
            raise ModelError(f"none of the runtimes asked for takes .onnx or .tflite: {', '.join(names)}")
        return [
            Case(self.model.path.stem, setting.name, name, threads=n, weights="user", dataset=dataset)
            for setting in self.settings
            for name in found
            for n in threads
        ]

    def artifact(self, case: Case, kind: Format) -> Artifact:
        """The file of a case, built where it was not before. UsageError where that cannot be done."""
        if kind not in FORMATS:
            raise UsageError(f"no .{kind} is made of a model file: --compress makes {' and '.join(FORMATS)}")
        return self._once(f"{case.compression}.{kind}", lambda: self._made(case.compression, kind))

    def _made(self, name: str, kind: Format) -> Artifact:
        setting = next(one for one in self.settings if one.name == name)
        setting.made_of(kind)  # its reason before that of a converter it would not need
        source = self._source(kind)
        images = self._calibration(kind) if setting.needs_calibration and self.images else None
        made = self._workshop.artifact(setting, source, images)
        recipe = {**made.recipe, **self._origin(kind)}
        return dataclasses.replace(made, preprocess=self._how(kind), recipe=recipe, output=self.scored)

    @cached_property
    def _workshop(self) -> BuildCache:
        return BuildCache(cache_dir() / "compressed" / sha256_of(self.model.path)[:16], self.tell)

    @cached_property
    def _graph(self) -> Graph | None:
        """None where onnx is not installed: then only the file itself can be measured."""
        try:
            import onnx  # noqa: F401
        except ImportError:
            return None
        return float_graph(self.model.path, self.shapes, self._workshop.folder / "source")

    def _source(self, kind: Format) -> Path:
        """The float file that settings start from."""
        source = self._graph.source if self._graph else self.model.path
        return source if kind == "onnx" else self._once("source", lambda: converted(source, self._workshop.folder))

    def _how(self, kind: Format) -> Preprocess | None:
        if self.images is None:
            return None
        return self._once(f"preprocess {kind}", lambda: UserModel(self._source(kind)).preprocess(self.preprocess))

    def _calibration(self, kind: Format) -> Calibration:
        images, how = self.images, self._how(kind)
        assert images is not None
        assert how is not None
        return self._once(f"calibration {kind}", lambda: images.images(how))

    @cached_property
    def _once(self) -> Once:
        return Once()

    def _origin(self, kind: Format) -> dict[str, Any]:
        """What the recipe says of the file the net came in, and of the images."""
        origin: dict[str, Any] = {"source": self.model.path.name, "source_sha256": sha256_of(self.model.path)}
        if self._graph and self._graph.changed:
            origin["source_changed"] = self._graph.changed
        if kind == "tflite":
            origin["converter"] = self._once("converter", converter)
        return origin | ({"split": self.images.note} if self.images else {})


ALL = "all"
REFERENCE = "fp32"


def chosen(text: str) -> list[Compression]:
    """The settings of 'all', or of names joined by commas; fp32, which the others are compared with, comes first.

    UnknownName for a name that is none, UsageError for a setting that trains.
    """
    every: dict[str, Compression] = load_all("compression")
    free = {name: setting for name, setting in every.items() if not setting.needs_training}
    if text == ALL:
        return sorted(free.values(), key=lambda setting: setting.name != REFERENCE)
    names = [name for name in dict.fromkeys([REFERENCE, *map(str.strip, text.split(","))]) if name]
    for name in names:
        if load("compression", name).needs_training:
            raise UsageError(
                f"{name} trains the net, which a model file alone does not allow",
                f"--compress takes {ALL}, or some of {', '.join(free)}",
            )
    return [free[name] for name in names]
