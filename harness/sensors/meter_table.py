"""A meter's CSV file as columns of numbers, whatever its delimiter, decimal point, encoding and digital channels.

The delimiter is ';', a tab or ',', whichever the heading line has. A comma is a decimal point beside ';' and tabs, and
within quotes. Digital channels are 0 and 1, or one text of eight characters for D0 to D7, as Nordic's Power Profiler
writes them; there 'X' is a level that changed within the sample, and '-' one that was not recorded.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import DataError

Column = NDArray[np.float64]

PACKED_CHANNELS = "d0_d7"
"""Normalised heading of a column that holds eight digital channels."""

_N_PACKED = 8
_HIGH = {"1", "x", "true", "high", "on"}
_LOW = {"0", "-", "", "false", "low", "off"}
_REMEDY = "export the trace as numbers under one heading line, separated by commas, semicolons or tabs"


def read_columns(path: Path, wanted: Callable[[str], bool], digital: Collection[str] = ()) -> dict[str, Column]:
    """Return the columns of a CSV file by normalised heading; eight packed channels become 'd0' to 'd7'.

    Args:
        path: The file.
        wanted: Whether the column of a normalised heading is read; a meter may write others, which need be no numbers.
        digital: Normalised headings of digital channels besides the packed ones.

    Raises:
        DataError: The file cannot be read, or a column that is wanted holds no numbers.
    """
    try:
        with path.open(encoding=_encoding(path), newline="") as file:
            delimiter, headings = _heading_line(file)
            names = [normalised(heading) for heading in headings]
            indices = [index for index, name in enumerate(names) if wanted(name)]
            if not indices:
                return {}
            converters = {index: _converter(names[index], digital) for index in indices}
            rows = np.loadtxt(
                _with_decimal_points(file, delimiter),
                delimiter=delimiter,
                usecols=indices,
                converters={index: convert for index, convert in converters.items() if convert},
                ndmin=2,
                quotechar='"',
                encoding=None,
            )
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as a trace: {error}", _REMEDY) from error
    return _unpacked({names[index]: rows[:, column] for column, index in enumerate(indices)})


def normalised(heading: str) -> str:
    """Return 'timestamp_ms' for 'Timestamp(ms)', 'power_mw' for 'Power [mW]', 'd0_d7' for 'D0-D7'."""
    return re.sub(r"[^a-z0-9]+", "_", heading.lower().replace("µ", "u").replace("μ", "u")).strip("_")


def _encoding(path: Path) -> str:
    """Return the encoding of a file: UTF-16 by its first bytes, UTF-8, or Windows' Western one for all else."""
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def _heading_line(file: TextIO) -> tuple[str, list[str]]:
    """Return the delimiter and the headings; a first line 'sep=;', which spreadsheets write, names the delimiter."""
    line = file.readline()
    declared = re.fullmatch(r"sep=(.)\s*", line, re.IGNORECASE)
    if declared:
        line = file.readline()
    delimiter = declared[1] if declared else next((each for each in ";\t" if each in line), ",")
    return delimiter, next(csv.reader([line], delimiter=delimiter), [])


def _with_decimal_points(file: TextIO, delimiter: str) -> Iterator[str]:
    """Yield the lines with '.' for every decimal comma."""
    for line in file:
        if delimiter != ",":
            yield line.replace(",", ".")
        elif '"' in line:
            yield re.sub(r'"(-?\d+),(\d+)"', r"\1.\2", line)
        else:
            yield line


def _converter(name: str, digital: Collection[str]) -> Callable[[str], float] | None:
    if name == PACKED_CHANNELS:
        return _packed
    return _level if name in digital else None


@lru_cache(maxsize=4096)
def _level(text: str) -> float:
    """Return 0 or 1 for a digital level, or the number itself."""
    level = text.strip().lower()
    return 1.0 if level in _HIGH else 0.0 if level in _LOW else float(level)


@lru_cache(maxsize=4096)
def _packed(text: str) -> float:
    """Return the levels of D0 to D7, which are the characters from left to right, as bits 0 to 7.

    Raises:
        ValueError: The text holds something else.
    """
    levels = text.strip().lower()
    if not re.fullmatch(rf"[01x-]{{0,{_N_PACKED}}}", levels):
        raise ValueError(f"'{text}' is not the levels of D0 to D7")
    return float(sum(1 << bit for bit, level in enumerate(levels) if level in _HIGH))


def _unpacked(columns: Mapping[str, Column]) -> dict[str, Column]:
    unpacked: dict[str, Column] = {}
    for name, values in columns.items():
        if name == PACKED_CHANNELS:
            bits = values.astype(np.int64)
            unpacked |= {f"d{bit}": (bits >> bit & 1).astype(np.float64) for bit in range(_N_PACKED)}
        else:
            unpacked[name] = values
    return unpacked
