"""Compression settings: their base classes, and chains of them.

A `Compression` declares facts that can be read without its tools, and builds artifacts. Post-training settings take a
float .onnx or .tflite file and write a file of the same format, with inputs and outputs of the same shape, so that
accuracy and latency can be compared across all settings. Inputs and outputs are float32, except for `int8-static-io8`.

`FineTuningSetting` is the base of settings that train. `Chain` composes settings by name, as in
`channel-pruned-50+distilled+int8-static`.
"""

from __future__ import annotations

import hashlib
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
"""Preprocessed images of shape (n, *input shape without batch), in the model's own layout."""

INT8_DOT_PRODUCT = ("asimddp", "i8mm", "avx_vnni", "avx512_vnni", "amx_int8")
"""CPU features that multiply and add several int8 pairs at once: Armv8.2 and later, x86 VNNI and AMX."""

FP16_ARITHMETIC = ("asimdhp", "avx512_fp16")
"""CPU features that compute with half-precision vectors."""

BF16_ARITHMETIC = ("bf16", "avx512_bf16", "amx_bf16")
"""CPU features that multiply bfloat16 pairs: Armv8.6, x86."""

SPARSE_KERNELS = ("sparse kernels",)
"""A feature of a runtime, not of a processor: kernels that skip zeros anywhere. No supported runtime has them."""

ANY_PROCESSOR = ("any processor",)
"""For a setting that produces a smaller dense net."""


@dataclass(frozen=True)
class FormatSupport:
    """What a setting writes in one format.

    Attributes:
        precision: What is stored and computed, for people.
        tools: Names of the distributions that build the file. Their versions go into the recipe of every artifact.
        parameters: Parameters of the tools, which go into the recipe too.
    """

    precision: str
    tools: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)


class Compression:
    """A compression setting.

    Attributes:
        name: Name of the setting, such as 'int8-static'.
        description: One line for lists of settings.
        formats: What the setting writes, by format.
        unsupported: Formats that it does not write, with the reason.
        needs_calibration: Whether `build` needs calibration images.
        needs_training: Whether it trains, which takes a workstation with torch and the training images.
        note: What to expect on a device, for the reader of a report; '' where the description suffices.
        extra: The extra of this distribution that installs the tools; see `extra_for`.
        faster_with: Features any of which lets the setting save time as well as space: CPU features as in
            /proc/cpuinfo, SPARSE_KERNELS, or ANY_PROCESSOR; empty where it saves no time at all.
        stored: How the file stores the numbers, as in `harness.runtimes.base.Stored`.
    """

    name: str
    description: str
    formats: Mapping[Format, FormatSupport]
    unsupported: Mapping[Format, str] = {}
    needs_calibration: ClassVar[bool] = False
    needs_training: ClassVar[bool] = False
    note: ClassVar[str] = ""
    extra: ClassVar[str] = "compress"
    faster_with: ClassVar[tuple[str, ...]] = ()
    stored: ClassVar[str] = "fp32"

    def build(self, source: Path, calibration: Calibration | None, out: Path) -> Artifact:
        """Compress a float model.

        Args:
            source: The float model file, .onnx or .tflite.
            calibration: Calibration images; ignored where the setting needs none.
            out: The file to write, in the format of `source`.

        Returns:
            The artifact with the recipe that it was built by.

        Raises:
            ModelError: The setting does not support the format.
            UsageError: The setting needs calibration images and has none.
        """
        kind = self.format_of(source)
        recipe = self.recipe(source, calibration, kind)
        images = calibration if self.needs_calibration else None
        if kind == "onnx":
            self.build_onnx(source, images, out)
        else:
            self.build_tflite(source, images, out)
        return Artifact(out, kind, sha256_of(out), out.stat().st_size, recipe=recipe)

    def build_onnx(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        """Write the .onnx file; overridden where `formats` has that format."""
        raise NotImplementedError

    def build_tflite(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        """Write the .tflite file; overridden where `formats` has that format."""
        raise NotImplementedError

    def format_of(self, source: Path) -> Format:
        """Return the format of `source` by its suffix.

        Raises:
            ModelError: The setting does not support the format.
        """
        for kind in (*self.formats, *self.unsupported):
            if source.suffix == f".{kind}":
                self.support(kind)
                return kind
        raise ModelError(f"{source}: {self.name} supports only {' and '.join(self.formats)}")

    def support(self, kind: Format) -> FormatSupport:
        """Return what the setting writes in a format.

        Raises:
            ModelError: The setting does not support the format; the message has the reason.
        """
        if kind not in self.formats:
            raise ModelError(f"{self.name} does not support .{kind}: {self.unsupported.get(kind, 'no tool does')}")
        return self.formats[kind]

    @property
    def saves_time(self) -> bool:
        """Whether any processor runs the result faster with kernels that exist."""
        return bool(self.faster_with) and self.faster_with != SPARSE_KERNELS

    def expectation(self, isa: Collection[str]) -> str:
        """Return what to expect on a processor with the CPU features `isa`, '' where nothing is known."""
        if not self.saves_time or self.faster_with == ANY_PROCESSOR:
            return self.note
        if not isa:
            return f"saves time with one of {', '.join(self.faster_with)}: this processor's features are unknown"
        present = [feature for feature in self.faster_with if feature in isa]
        if not present:
            return (
                f"saves space; the processor has none of {', '.join(self.faster_with)}, with which it would save time"
            )
        return ", ".join(filter(None, (f"the processor has {' and '.join(present)}: can save time", self.note)))

    def extra_for(self, kind: Format) -> str:
        """Return the extra that installs the tools for a format."""
        return f"{self.extra}-tflite" if (self.extra, kind) == ("compress", "tflite") else self.extra

    def missing_tools(self, kind: Format) -> Iterator[str]:
        """Yield the tools for a format that are not installed."""
        for tool in self.support(kind).tools:
            try:
                version(tool)
            except PackageNotFoundError:
                yield tool

    def recipe(self, source: Path, calibration: Calibration | None, kind: Format) -> dict[str, Any]:
        """Return all that decides the content of the file that `build` writes.

        Raises:
            UsageError: The setting needs calibration images and has none.
        """
        if self.needs_calibration and (calibration is None or not len(calibration)):
            raise UsageError(f"{self.name} needs calibration images", "give training images, none of the test set")
        images = calibration if self.needs_calibration else None
        support = self.support(kind)
        return {
            "parent_sha256": sha256_of(source),
            "setting": self.name,
            "parameters": dict(support.parameters),
            "tools": {tool: version(tool) for tool in support.tools},
            "calibration_sha256": None if images is None else images_sha256(images),
            "calibration_images": None if images is None else len(images),
        }


def images_sha256(images: Calibration) -> str:
    """Return the SHA-256 of the images' bytes in C order, in hex."""
    return hashlib.sha256(np.ascontiguousarray(images).tobytes()).hexdigest()


class FineTuningSetting(Compression):
    """A setting that changes a trained net and trains it further.

    `build` takes the float file of the fine-tuned net and applies `post_training` to it.

    Attributes:
        post_training: Name of the post-training setting for the fine-tuned net.
        epochs: Epochs of training.
        learning_rate: Peak of the one-cycle schedule.
        distills: Whether the net learns a teacher's outputs as well as the labels.
    """

    needs_training = True
    extra = "prepare"
    post_training: ClassVar[str] = "fp32"
    epochs: ClassVar[int] = 1
    learning_rate: ClassVar[float] = 0.05
    distills: ClassVar[bool] = False
    formats: Mapping[Format, FormatSupport] = {"onnx": FormatSupport("fp32"), "tflite": FormatSupport("fp32")}

    def restructure(self, net: nn.Sequential) -> None:
        """Change the layers of the trained net into their final structure in place, decided by its weights alone."""

    def before_training(self, net: nn.Sequential) -> None:
        """Change the net in place into what fine-tuning starts from.

        This is the final structure, unless hooks reach it during the training.
        """
        self.restructure(net)

    def hooks(self, net: nn.Sequential) -> TrainingHooks:
        """Return the hooks for the fine-tuning of `net`."""
        from suites.nn.training_hooks import TrainingHooks

        return TrainingHooks()

    def parameters(self) -> dict[str, Any]:
        """Return the parameters for the training log, in addition to name and schedule."""
        return {}

    def build_onnx(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        """Apply the post-training setting."""
        load("compression", self.post_training).build(source, calibration, out)

    build_tflite = build_onnx


@dataclass(frozen=True)
class Chain:
    """Composed settings.

    Attributes:
        fine_tuning: Settings that train, all in one run; empty where nothing is trained.
        post_training: The setting for the file of the fine-tuned net.
    """

    fine_tuning: tuple[FineTuningSetting, ...]
    post_training: Compression

    @classmethod
    def parse(cls, name: str) -> Chain:
        """Return the chain of the settings in `name`, which are joined by '+'.

        Raises:
            UnknownName: No setting has that name.
            UsageError: A post-training setting is not the last, a setting is given twice, or two settings end in
                different post-training settings.
        """
        parts: list[Compression] = [load("compression", part) for part in name.split("+")]
        fine_tuning = tuple(part for part in parts if isinstance(part, FineTuningSetting))
        post_training = [part for part in parts if not isinstance(part, FineTuningSetting)]
        if len(post_training) > 1 or parts != [*fine_tuning, *post_training] or len(set(parts)) < len(parts):
            raise UsageError(
                f"{name!r} cannot be composed in this order",
                "put settings that train first, each once, then at most one that does not",
            )
        last = {part.post_training for part in fine_tuning if part.post_training != "fp32"}
        last |= {part.name for part in post_training}
        if len(last) > 1:
            raise UsageError(f"{name!r}: its parts end in {' and '.join(sorted(last))}", "leave one of them out")
        return cls(fine_tuning, load("compression", last.pop() if last else "fp32"))

    @property
    def fine_tuning_name(self) -> str:
        """Names of the settings that train, joined by '+'; '' where nothing is trained. It names the checkpoint."""
        return "+".join(part.name for part in self.fine_tuning)
