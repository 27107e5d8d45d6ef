"""A user's model under compression settings, as cases and their files, and the settings that `--compress` names."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from harness.core import plugins
from harness.core.artifact import FORMATS as KNOWN_FORMATS
from harness.core.artifact import Artifact, Format, Preprocess, sha256_of
from harness.core.case import Case
from harness.core.errors import EdgebenchError, ModelError, UsageError
from harness.core.files import cache_dir
from harness.core.plugins import load, load_all
from harness.core.task import Interface, Wanted
from suites.compression.base import Calibration, Compression
from suites.user_model import UserModel

from .build_cache import BuildCache
from .graph import Graph, float_graph, refuse_large
from .onnx_to_tflite import converted, converter
from .split import Split

FORMATS: tuple[Format, ...] = ("onnx", "tflite")
T = TypeVar("T")


class Memo:
    """Results and errors by name, each computed once, since conversions are slow."""

    def __init__(self) -> None:
        self._outcomes: dict[str, Any] = {}

    def __call__(self, name: str, compute: Callable[[], T]) -> T:
        """Return the result of ``compute``, or raise its error, computed at the first call under this name."""
        if name not in self._outcomes:
            try:
                self._outcomes[name] = compute()
            except EdgebenchError as error:
                self._outcomes[name] = error
        if isinstance(self._outcomes[name], EdgebenchError):
            raise self._outcomes[name]
        outcome: T = self._outcomes[name]
        return outcome


def silent(_: str) -> None:
    """Ignore a notification."""


@dataclass(frozen=True)
class CompressedModel:
    """A user's float .onnx under compression settings.

    Attributes:
        model: The file.
        settings: The settings.
        images: Labelled samples for calibration and scoring; None without any.
        preprocess: How images become inputs, as `harness.datasets.preprocessing.parse` takes it.
        shapes: Shapes of dynamic inputs, by input name.
        notify: Called with a line of text for each file that is built.
        output: Name of the output to score; None leaves it to sizes and names.
        decode: Convention of the outputs; '' where the task is to recognise it.

    Raises:
        ModelError: The file cannot be compressed.
        UsageError: A shape is missing or does not fit.
        DataError: The images have other classes than the model.
    """

    model: UserModel
    settings: Sequence[Compression]
    images: Split | None = None
    preprocess: str | None = None
    shapes: Mapping[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    notify: Callable[[str], None] = silent
    output: str | None = None
    decode: str = ""

    def __post_init__(self) -> None:
        if self.model.format != "onnx":
            title = KNOWN_FORMATS[self.model.format].title
            raise ModelError(
                f"{self.model.path}: --compress starts from a float .onnx, not {title}",
                "give the .onnx it was made from, or measure the file as it is without --compress",
            )
        refuse_large(self.model.path)
        self._graph  # noqa: B018 - raises where the file cannot be compressed
        if self.images:
            self.interface  # noqa: B018 - raises where the images have other classes
        self._preprocess("onnx")

    @cached_property
    def float_model(self) -> UserModel:
        """The float .onnx that settings start from."""
        return UserModel(self._source("onnx"), given=self.model.given)

    @cached_property
    def interface(self) -> Interface | None:
        """How the model takes samples and gives predictions; None without samples."""
        how = self._preprocess("onnx")
        if self.images is None or how is None:
            return None
        model = self.float_model
        wanted = Wanted(self.images.data, self.output, self.decode, model.metadata.class_names)
        return self.images.task.interface(how, model.inspection.sample_outputs, wanted)

    @property
    def formats(self) -> tuple[Format, ...]:
        """Formats that it can be built in."""
        return FORMATS

    def cases(self, runtimes: Iterable[str], threads: Sequence[int], dataset: str | None) -> list[Case]:
        """Return one case per setting, runtime and thread count.

        Raises:
            ModelError: None of the runtimes takes a format that can be built.
        """
        names = list(runtimes)
        fitting = [name for name in names if set(FORMATS) & set(plugins.load("runtimes", name).formats)]
        if not fitting:
            raise ModelError(f"none of the runtimes asked for takes .onnx or .tflite: {', '.join(names)}")
        return [
            Case(
                self.model.path.stem,
                *(setting.name, name),
                threads=n,
                batch=self.model.samples,
                weights="user",
                dataset=dataset,
            )
            for setting in self.settings
            for name in fitting
            for n in threads
        ]

    def artifact(self, case: Case, kind: Format) -> Artifact:
        """Return the file of a case, built unless it is in the cache.

        Raises:
            UsageError: It cannot be built.
        """
        if kind not in FORMATS:
            raise UsageError(f"--compress does not build .{kind} files, only {' and '.join(FORMATS)}")
        return self._memo(f"{case.compression}.{kind}", lambda: self._built(case.compression, kind))

    def _built(self, name: str, kind: Format) -> Artifact:
        setting = next(one for one in self.settings if one.name == name)
        setting.support(kind)  # its reason comes before that of a converter it would not need
        source = self._source(kind)
        images = self._calibration(kind) if setting.needs_calibration and self.images else None
        built = self._builds.artifact(setting, source, images)
        return dataclasses.replace(
            built,
            preprocess=self._preprocess(kind),
            recipe={**built.recipe, **self._origin(kind)},
            output=self.interface.output if self.interface else None,
            decode=self.interface.decode if self.interface else "",
            batch=self.model.fixed_batch if kind == "onnx" else 1,  # onnx2tf sets the batch to 1, LiteRT resizes it
        )

    @cached_property
    def _builds(self) -> BuildCache:
        return BuildCache(cache_dir() / "compressed" / sha256_of(self.model.path)[:16], self.notify)

    @cached_property
    def _graph(self) -> Graph | None:
        """The checked file; None where onnx is not installed, so that only the file itself can be measured."""
        try:
            import onnx  # noqa: F401
        except ImportError:
            return None
        return float_graph(self.model.path, self.shapes, self._builds.folder / "source")

    def _source(self, kind: Format) -> Path:
        """Return the float file that settings start from."""
        source = self._graph.source if self._graph else self.model.path
        return source if kind == "onnx" else self._memo("source", lambda: converted(source, self._builds.folder))

    def _preprocess(self, kind: Format) -> Preprocess | None:
        if self.images is None:
            return None
        return self._memo(f"preprocess {kind}", lambda: self._float_model(kind).preprocess(self.preprocess))

    def _float_model(self, kind: Format) -> UserModel:
        """Return the float file as a model, with the shapes that are not in it yet."""
        return UserModel(self._source(kind), self.shapes if kind == "onnx" else {}, given=self.model.given)

    def _calibration(self, kind: Format) -> Calibration:
        images, preprocess = self.images, self._preprocess(kind)
        assert images is not None
        assert preprocess is not None
        return self._memo(f"calibration {kind}", lambda: images.images(preprocess))

    @cached_property
    def _memo(self) -> Memo:
        return Memo()

    def _origin(self, kind: Format) -> dict[str, Any]:
        """Return what the recipe says of the user's file and of the images."""
        origin: dict[str, Any] = {"source": self.model.path.name, "source_sha256": sha256_of(self.model.path)}
        if self._graph and self._graph.changed:
            origin["source_changed"] = self._graph.changed
        if kind == "tflite":
            origin["converter"] = self._memo("converter", converter)
        return origin | ({"split": self.images.note} if self.images else {})


ALL = "all"
REFERENCE = "fp32"


def chosen(text: str) -> list[Compression]:
    """Return the settings of 'all', or of names joined by commas; fp32, the baseline of the others, comes first.

    Raises:
        UnknownName: A name that is no setting.
        UsageError: A setting that needs training.
    """
    every: dict[str, Compression] = load_all("compression")
    free = {name: setting for name, setting in every.items() if not setting.needs_training}
    if text == ALL:
        return sorted(free.values(), key=lambda setting: setting.name != REFERENCE)
    names = [name for name in dict.fromkeys([REFERENCE, *map(str.strip, text.split(","))]) if name]
    for name in names:
        if load("compression", name).needs_training:
            raise UsageError(
                f"{name} needs training, which a model file alone does not allow",
                f"--compress takes {ALL}, or some of {', '.join(free)}",
            )
    return [free[name] for name in names]
