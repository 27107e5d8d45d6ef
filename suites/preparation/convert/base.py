"""Converters to formats that do not ship, for runtimes that take no other."""

from __future__ import annotations

import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from harness.core.artifact import Format, Layout, Preprocess
from harness.core.errors import UsageError
from suites.compression.base import Calibration


@dataclass(frozen=True)
class ConversionRequest:
    """A file to write.

    Attributes:
        model: Name of the net.
        setting: Name of the compression setting.
        source: The model file to convert.
        out: The file to write.
        calibration: Images in the layout of the source, where the setting needs them.
    """

    model: str
    setting: str
    source: Path
    out: Path
    calibration: Calibration | None = None


class Converter(ABC):
    """Writes the files of a format.

    Attributes:
        format: The format.
        source: Format of the files that it converts.
        tools: Names of the distributions that it needs.
        extra: The extra of this distribution that installs them.
        native_settings: Settings that it applies itself to the fp32 file; None where it converts the file of any
            setting as it is.
        layout: Layout of the images that its files take; None for that of the source.
    """

    format: ClassVar[Format]
    source: ClassVar[Format] = "onnx"
    tools: ClassVar[tuple[str, ...]]
    extra: ClassVar[str]
    native_settings: ClassVar[frozenset[str] | None] = None
    layout: ClassVar[Layout | None] = None

    def source_setting(self, setting: str) -> str:
        """Return the setting whose file is converted.

        Raises:
            UsageError: The format does not support the setting.
        """
        if self.native_settings is None:
            return setting
        if setting not in self.native_settings:
            supported = ", ".join(sorted(self.native_settings))
            raise UsageError(f"{self.format} does not support {setting}", f"settings that it supports: {supported}")
        return "fp32"

    def preprocess(self, source: Preprocess | None) -> Preprocess | None:
        """Return the preprocessing for its files, from that of the source."""
        return replace(source, layout=self.layout) if source and self.layout else source

    @abstractmethod
    def convert(self, request: ConversionRequest) -> None:
        """Write `request.out` and the files that belong to it."""


_MAX_LINES = 3
"""Last lines of a program's output that an error quotes."""


def run_program(name: str, command: Sequence[str | Path], folder: Path, expected: Sequence[Path]) -> None:
    """Run a converter in a process of its own, since it may exit or crash on what it cannot convert.

    Args:
        name: Name of the program for messages.
        command: The command.
        folder: Its working directory.
        expected: Files that it must write.

    Raises:
        UsageError: It fails, or an expected file is missing; the message ends with its last lines of output.
    """
    result = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if result.returncode == 0 and all(file.is_file() for file in expected):
        return
    lines = [line.strip() for line in result.stdout.decode("utf-8", "replace").splitlines() if line.strip()]
    output = "; ".join(lines[-_MAX_LINES:]) or "no output"
    code = result.returncode
    end = f"ended with status {code}" if code >= 0 else f"crashed by signal {-code}"
    raise UsageError(f"{name} {end}: {output}", "the net may have an operator that this format does not have")
