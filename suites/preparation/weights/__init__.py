"""Weights that others trained: published ones by name, and those of a file, an address or another library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version

from harness.core.artifact import Format

EXPORTERS: Mapping[Format, tuple[str, ...]] = {"onnx": ("torch", "onnxscript"), "tflite": ("torch", "litert-torch")}
"""The distributions that write a float file of each format from a net of torch."""


def lacking(kind: Format) -> Iterator[str]:
    """The exporters of a format that are not installed."""
    for tool in EXPORTERS[kind]:
        try:
            version(tool)
        except PackageNotFoundError:
            yield tool
