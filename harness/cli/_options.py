"""Argument types shared by commands."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable


def shape(text: str) -> tuple[str, tuple[int, ...]]:
    """'NAME=1x3x224x224' as a name and a shape."""
    match = re.fullmatch(r"(.+)=(\d+(?:[x,]\d+)*)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"'{text}' is not of the form NAME=1x3x224x224")
    return match[1], tuple(int(size) for size in re.split("[x,]", match[2]))


def positive(text: str) -> int:
    """A whole number above 0."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not positive")
    return number


def mebibytes(text: str) -> int:
    """MiB above 0, as bytes."""
    return positive(text) << 20


def runtime_option(text: str) -> tuple[str, str, str]:
    """'onnxruntime-cuda:use_tf32=1' as runtime, key and value."""
    name, _, rest = text.partition(":")
    key, equals, value = rest.partition("=")
    if not name or not key or not equals:
        raise argparse.ArgumentTypeError(f"'{text}': NAME:KEY=VALUE expected, such as openvino-cpu:NUM_STREAMS=2")
    return name, key, value


def by_runtime(options: Iterable[tuple[str, str, str]]) -> dict[str, dict[str, str]]:
    """The options of each runtime; of one given twice the last."""
    found: dict[str, dict[str, str]] = {}
    for name, key, value in options:
        found.setdefault(name, {})[key] = value
    return found


def points(text: str) -> float:
    """Percentage points above 0 and below 100."""
    number = float(text)
    if not 0 < number < 100:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 100 points")
    return number
