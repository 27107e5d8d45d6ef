"""Compression settings: their base classes, and chains of them.

`Compression` declares facts that are readable without its tools, and one way to build an artifact. Post-training
settings take a float .onnx or .tflite and write one of the same format, with inputs and outputs of the same shape, so
that accuracy and latency compare across all settings. Inputs and outputs are float32, except for ``int8-static-io8``.

`Tuned` is the base of settings that train. `Chain` composes settings by name, as in
``channel-pruned-50+distilled+int8-static``.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from harness.core.artifact import Artifact, Format, sha256_of
from harness.core.errors import ModelError, UsageError
from harness.core.plugins import load

if TYPE_CHECKING:
    from torch import nn

    from suites.nn.training_hooks import TrainingHooks


Calibration = NDArray[np.float32]
"""Preprocessed images, images x the model's input shape without batch, in the model's own layout."""

INT8_DOT_PRODUCT = ("asimddp", "i8mm", "avx_vnni", "avx512_vnni", "amx_int8")
"""Processor features that multiply and add several int8 pairs at once: Armv8.2 and later, x86 VNNI and AMX."""

FP16_ARITHMETIC = ("asimdhp", "avx512_fp16")
"""Processor features that compute with half-precision vectors."""

BF16_ARITHMETIC = ("bf16", "avx512_bf16", "amx_bf16")
"""Processor features that multiply bfloat16 pairs: Armv8.6, x86."""

SPARSE_KERNELS = ("sparse kernels",)
"""A runtime's feature rather than a processor's: kernels that skip zeros at any place. No runtime here has them."""

ANY_PROCESSOR = ("any processor",)
"""For a setting that leaves a smaller dense net."""


@dataclass(frozen=True)
class FormatSupport:
    """What a setting makes of one format.

    ``precision`` says in words what is stored and computed; ``tools`` (distributions) and their ``parameters`` go
    into the recipe of every artifact.
    """

    precision: str
    tools: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)


class Compression(ABC):
    """One setting.

    ``faster_with`` names what it takes for the setting to save time as well as space, one of it is enough: processor
    features as /proc/cpuinfo does, ``SPARSE_KERNELS``, or ``ANYWHERE``; empty where it saves no time at all.
    """

    name: str
    description: str
    formats: Mapping[Format, FormatSupport]
    unsupported: Mapping[Format, str] = {}
    """Formats that it does not yield, with the reason."""
    needs_calibration: ClassVar[bool] = False
    needs_training: ClassVar[bool] = False
    """Whether it trains: torch and the training images are needed, on a workstation."""
    note: ClassVar[str] = ""
    """What to expect on a device, for the reader of a report; empty where the description says it all."""
    extra: ClassVar[str] = "compress"
    """The extra of this distribution that installs the tools; see ``extra_for``."""
    faster_with: ClassVar[tuple[str, ...]] = ()
    stored: ClassVar[str] = "fp32"
    """How its file holds the numbers, as `harness.runtimes.base.Stored`: what a runtime makes of it."""

    def build(self, source: Path, calibration: Calibration | None, out: Path) -> Artifact:
        """Compress the float model ``source`` into ``out`` and say how it was made.

        Raises ModelError where the setting does not take the format, UsageError where it needs calibration images
        and has none.
        """
        kind = self.format_of(source)
        recipe = self.recipe(source, calibration, kind)
        used = calibration if self.needs_calibration else None
        if kind == "onnx":
            self.build_onnx(source, used, out)
        else:
            self.build_tflite(source, used, out)
        return Artifact(out, kind, sha256_of(out), out.stat().st_size, recipe=recipe)

    def format_of(self, source: Path) -> Format:
        """The format of ``source`` by its suffix; ModelError where this setting does not yield it."""
        for kind in (*self.formats, *self.unsupported):
            if source.suffix == f".{kind}":
                self.support(kind)
                return kind
        raise ModelError(f"{source}: {self.name} takes {' and '.join(self.formats)} only")

    def support(self, kind: Format) -> FormatSupport:
        """What it makes of a format; ModelError with the reason where it makes none of that."""
        if kind not in self.formats:
            raise ModelError(f"{self.name} makes no .{kind}: {self.unsupported.get(kind, 'no tool does')}")
        return self.formats[kind]

    @property
    def saves_time(self) -> bool:
        """Whether there is anything it runs faster on, this side of kernels that skip zeros."""
        return bool(self.faster_with) and self.faster_with != SPARSE_KERNELS

    def expectation(self, isa: Collection[str]) -> str:
        """What to expect of it on a processor with the features ``isa``, '' where there is nothing to say."""
        if not self.saves_time or self.faster_with == ANY_PROCESSOR:
            return self.note
        if not isa:
            return f"saves time with one of {', '.join(self.faster_with)}: what this processor has is unknown"
        there = [feature for feature in self.faster_with if feature in isa]
        if not there:
            return (
                f"saves space; the processor has none of {', '.join(self.faster_with)}, with which it would save time"
            )
        return ", ".join(filter(None, (f"the processor has {' and '.join(there)}: can save time", self.note)))

    def extra_for(self, kind: Format) -> str:
        """The extra with the tools for a format."""
        return f"{self.extra}-tflite" if (self.extra, kind) == ("compress", "tflite") else self.extra

    def missing_tools(self, kind: Format) -> Iterator[str]:
        """The tools for the format ``kind`` that are not installed."""
        for tool in self.support(kind).tools:
            try:
                version(tool)
            except PackageNotFoundError:
                yield tool

    @abstractmethod
    def build_onnx(self, source: Path, calibration: Calibration | None, out: Path) -> None: ...

    @abstractmethod
    def build_tflite(self, source: Path, calibration: Calibration | None, out: Path) -> None: ...

    def recipe(self, source: Path, calibration: Calibration | None, kind: Format) -> dict[str, Any]:
        """How ``build`` makes its file, all that decides its content; UsageError without the images it needs."""
        if self.needs_calibration and (calibration is None or not len(calibration)):
            raise UsageError(f"{self.name} needs calibration images", "give training images, none of the test set")
        used = calibration if self.needs_calibration else None
        made = self.support(kind)
        return {
            "parent_sha256": sha256_of(source),
            "setting": self.name,
            "parameters": dict(made.parameters),
            "tools": {tool: version(tool) for tool in made.tools},
            "calibration_sha256": None if used is None else images_sha256(used),
            "calibration_images": None if used is None else len(used),
        }


def images_sha256(images: Calibration) -> str:
    """Hex SHA-256 of the images' bytes in C order."""
    return hashlib.sha256(np.ascontiguousarray(images).tobytes()).hexdigest()


class FineTuningSetting(Compression):
    """A setting that starts from a trained net, changes it and trains on.

    ``build`` takes the float file of the tuned net; ``then`` is the post-training setting that it is put through.
    """

    needs_training = True
    extra = "prepare"
    post_training: ClassVar[str] = "fp32"
    epochs: ClassVar[int] = 1
    learning_rate: ClassVar[float] = 0.05
    """Peak of the one-cycle schedule."""
    distills: ClassVar[bool] = False
    """Whether a teacher's outputs are learnt as well as the labels."""
    formats: Mapping[Format, FormatSupport] = {"onnx": FormatSupport("fp32"), "tflite": FormatSupport("fp32")}

    def restructure(self, net: nn.Sequential) -> None:
        """Bring the trained net's layers into their final structure, in place; decided by its weights alone."""

    def before_training(self, net: nn.Sequential) -> None:
        """Change them into what tuning starts from: the final structure, unless hooks come to it by and by."""
        self.restructure(net)

    def hooks(self, net: nn.Sequential) -> TrainingHooks:
        """What to do while ``net`` is tuned."""
        from suites.nn.training_hooks import TrainingHooks

        return TrainingHooks()

    def parameters(self) -> dict[str, Any]:
        """What goes into the recipe beside name and schedule."""
        return {}

    def build_onnx(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        load("compression", self.post_training).build(source, calibration, out)

    build_tflite = build_onnx


@dataclass(frozen=True)
class Chain:
    """Settings that train, tuned together in one run, then one post-training setting for the tuned net's file."""

    fine_tuning: tuple[FineTuningSetting, ...]
    post_training: Compression

    @classmethod
    def parse(cls, name: str) -> Chain:
        """From names joined by ``+``. UnknownName for a part, UsageError where a post-training one is not the last."""
        parts: list[Compression] = [load("compression", part) for part in name.split("+")]
        tuned = tuple(part for part in parts if isinstance(part, FineTuningSetting))
        after = [part for part in parts if not isinstance(part, FineTuningSetting)]
        if len(after) > 1 or parts != [*tuned, *after] or len(set(parts)) < len(parts):
            raise UsageError(
                f"{name!r} cannot be composed in this order",
                "settings that train come first, each once, then at most one that does not",
            )
        ends = {part.post_training for part in tuned if part.post_training != "fp32"} | {part.name for part in after}
        if len(ends) > 1:
            raise UsageError(f"{name!r}: its parts end in {' and '.join(sorted(ends))}", "leave one of them out")
        return cls(tuned, load("compression", ends.pop() if ends else "fp32"))

    @property
    def fine_tuning_name(self) -> str:
        """Name of the tuned float net, empty where nothing is trained; a checkpoint is called so."""
        return "+".join(part.name for part in self.fine_tuning)
