"""Model files in formats that are not shipped, made from those that are, for runtimes that take no other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from harness.core.artifact import Format, Layout, Preprocess
from harness.core.errors import UsageError
from suites.compression.base import Calibration


@dataclass(frozen=True)
class ConversionRequest:
    """One file to write: the net `model` under `setting`, from `source`, to `out`.

    `calibration` are images as the source takes them, where the setting needs some.
    """

    model: str
    setting: str
    source: Path
    out: Path
    calibration: Calibration | None = None


class Converter(ABC):
    """Writes `format` from `source` files. `tools` are the distributions it needs, `extra` what installs them.

    `own_settings` are those that it carries out itself, from the fp32 file; None: it converts the file of any setting
    as it is. `layout` is that of the images its files take, None: the source's.
    """

    format: ClassVar[Format]
    source: ClassVar[Format] = "onnx"
    tools: ClassVar[tuple[str, ...]]
    extra: ClassVar[str]
    own_settings: ClassVar[frozenset[str] | None] = None
    layout: ClassVar[Layout | None] = None

    def source_setting(self, setting: str) -> str:
        """The setting whose file it starts from. UsageError where this format cannot have the setting."""
        if self.own_settings is None:
            return setting
        if setting not in self.own_settings:
            known = ", ".join(sorted(self.own_settings))
            raise UsageError(f"no way from {setting} to {self.format}", f"settings that can be had there: {known}")
        return "fp32"

    def preprocess(self, how: Preprocess | None) -> Preprocess | None:
        """How images are made for its files, from how they are made for the source."""
        return replace(how, layout=self.layout) if how and self.layout else how

    @abstractmethod
    def convert(self, order: ConversionRequest) -> None:
        """Write `order.out` and the files that belong to it."""
