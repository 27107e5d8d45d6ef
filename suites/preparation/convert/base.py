"""Model files in formats that are not shipped, made from those that are, for runtimes that take no other.

Converters that are programs: run apart, since they end the process, or crash, on what they cannot convert.
"""

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


_LINES = 3
"""Last lines of a program's output that are kept: its reason, as far as it gives one."""


def run_program(name: str, command: Sequence[str | Path], folder: Path, expected: Sequence[Path]) -> None:
    """Run it in `folder`. UsageError with its last words where it fails or leaves an expected file unwritten."""
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode == 0 and all(file.is_file() for file in expected):
        return
    lines = [line.strip() for line in done.stdout.decode("utf-8", "replace").splitlines() if line.strip()]
    words = "; ".join(lines[-_LINES:]) or "it said nothing"
    end = f"ended with status {done.returncode}" if done.returncode >= 0 else f"crashed by signal {-done.returncode}"
    raise UsageError(
        f"{name} {end}: {words}",
        "the net may have an operator that this format has not",
    )
