"""Argument types shared by commands."""

from __future__ import annotations

import argparse
import re


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
