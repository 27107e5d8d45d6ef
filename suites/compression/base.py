"""What a compression setting is: facts readable without its tools, and one way to build an artifact.

Settings of the post-training kind take a float .onnx or .tflite and write one of the same format, with float
inputs and outputs of the same shape, so that a net's accuracy and latency compare across all settings.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from harness.core.artifact import Artifact, Format, sha256_of
from harness.core.errors import ModelError, UsageError

Calibration = NDArray[np.float32]
"""Preprocessed images, images x the model's input shape without batch, in the model's own layout."""

INT8_DOT_PRODUCT = ("asimddp", "i8mm", "avx_vnni", "avx512_vnni")
"""Processor features that multiply and add several int8 pairs at once: Armv8.2 and later, x86 VNNI."""

FP16_ARITHMETIC = ("asimdhp", "avx512_fp16")
"""Processor features that compute with half-precision vectors."""


@dataclass(frozen=True)
class Yield:
    """What a setting makes of one format.

    ``precision`` says in words what is stored and computed; ``tools`` (distributions) and their ``parameters`` go
    into the recipe of every artifact.
    """

    precision: str
    tools: tuple[str, ...] = ()
    parameters: Mapping[str, Any] | None = None


class Compression(ABC):
    """One setting.

    ``pays_on`` names processor features as /proc/cpuinfo does: with any of them the setting can save time as well as
    space; empty where it saves no time on any processor or needs no feature for it.
    """

    name: str
    description: str
    yields: Mapping[Format, Yield]
    needs_calibration: ClassVar[bool] = False
    needs_training: ClassVar[bool] = False
    """Whether it trains: torch and the training images are needed, on a workstation."""
    note: ClassVar[str] = ""
    """What to expect on a device, for the reader of a report; empty where the description says it all."""
    extra: ClassVar[str] = "prepare"
    """The extra of this distribution that installs the tools."""
    pays_on: ClassVar[tuple[str, ...]] = ()

    def build(self, source: Path, calibration: Calibration | None, out: Path) -> Artifact:
        """Compress the float model ``source`` into ``out`` and say how it was made.

        Raises ModelError where the setting does not take the format, UsageError where it needs calibration images
        and has none.
        """
        kind = self.format_of(source)
        if self.needs_calibration and (calibration is None or not len(calibration)):
            raise UsageError(f"{self.name} needs calibration images", "give training images, none of the test set")
        used = calibration if self.needs_calibration else None
        if kind == "onnx":
            self._onnx(source, used, out)
        else:
            self._tflite(source, used, out)
        return Artifact(out, kind, sha256_of(out), out.stat().st_size, recipe=self._recipe(source, used, kind))

    def format_of(self, source: Path) -> Format:
        """The format of ``source`` by its suffix; ModelError where this setting does not yield it."""
        for kind in self.yields:
            if source.suffix == f".{kind}":
                return kind
        raise ModelError(f"{source}: {self.name} takes {' and '.join(self.yields)} only")

    @abstractmethod
    def _onnx(self, source: Path, calibration: Calibration | None, out: Path) -> None: ...

    @abstractmethod
    def _tflite(self, source: Path, calibration: Calibration | None, out: Path) -> None: ...

    def _recipe(self, source: Path, calibration: Calibration | None, kind: Format) -> dict[str, Any]:
        made = self.yields[kind]
        return {
            "parent_sha256": sha256_of(source),
            "setting": self.name,
            "parameters": dict(made.parameters or {}),
            "tools": {tool: version(tool) for tool in made.tools},
            "calibration_sha256": None if calibration is None else hash_of(calibration),
            "calibration_images": None if calibration is None else len(calibration),
        }


def hash_of(images: Calibration) -> str:
    """Hex SHA-256 of the images' bytes in C order."""
    return hashlib.sha256(np.ascontiguousarray(images).tobytes()).hexdigest()
