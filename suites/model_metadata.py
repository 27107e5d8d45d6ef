"""What a model file says of its own images and classes: ONNX's metadata_props, and the metadata of TensorFlow Lite.

Sources: docs/MetadataProps.md of onnx/onnx for the keys `Image.*`; metadata_schema.fbs of tensorflow/tflite-support for
normalisation and the label file, which lies in a zip archive behind the model; `names` is Ultralytics' own, a dict.
"""

from __future__ import annotations

import ast
import json
import re
import struct
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from harness.core.artifact import Format, Preprocess
from harness.core.errors import UsageError
from harness.datasets.preprocessing import ImageInput, parse
from harness.runtimes.flatbuffer import DamagedBuffer, Table

_RAW = 2.0
"""A mean or std above this is one of pixels from 0 to 255; those of pixels from 0 to 1 are never as large."""

_RANGES = {
    "nominalrange_0_255": Preprocess(scale=1.0),
    "normalized_0_1": Preprocess(scale=255.0),
    "normalized_1_1": Preprocess(scale=1.0, mean=(127.5,), std=(127.5,)),
    "nominalrange_16_235": Preprocess(scale=1.0, mean=(-16 * 255 / 219,), std=(255 / 219,)),
}
"""ONNX's `Image.NominalPixelRange`, in small letters."""


_UNIT = Preprocess()


@dataclass(frozen=True)
class Normalization:
    """How a model file wants its pixels: a text as --preprocess takes it, or numbers."""

    text: str = ""
    numbers: Preprocess = _UNIT

    def on(self, into: ImageInput) -> Preprocess:
        """Return the preprocessing for a model's input."""
        if self.text:
            return parse(self.text, into.layout, into.channels)
        return replace(self.numbers, layout=into.layout, channels=into.channels)


@dataclass(frozen=True)
class ModelMetadata:
    """What a model file says of itself.

    Attributes:
        preprocess: How its images are normalised; None where it does not say.
        class_names: Names of its classes in the order of the output; empty where it does not say.
    """

    preprocess: Normalization | None = None
    class_names: tuple[str, ...] = ()


def read_metadata(path: Path, file_format: Format) -> ModelMetadata:
    """Return the metadata of an .onnx or .tflite; that of a damaged file, or of another format, is empty."""
    with suppress(OSError, ValueError, IndexError, struct.error, zipfile.BadZipFile, UsageError):
        if file_format == "onnx":
            return _of_onnx(dict(_metadata_props(path)))
        if file_format == "tflite":
            return ModelMetadata(_of_tflite(path), _label_file(path))
    return ModelMetadata()


# ONNX


def _of_onnx(entries: Mapping[str, str]) -> ModelMetadata:
    known = {key.lower(): value for key, value in entries.items()}
    names = next((found for key in ("names", "class_names", "classes", "labels")
                  if (found := _names(known.get(key, "")))), ())  # fmt: skip
    return ModelMetadata(_normalization(known), names)


def _normalization(known: Mapping[str, str]) -> Normalization | None:
    if text := known.get("preprocess", "").strip():
        parse(text, "NCHW", 3)  # UsageError: it is a text of something else
        return Normalization(text)
    numbers = _RANGES.get(known.get("image.nominalpixelrange", "").lower())
    mean, std = _floats(known.get("mean", "")), _floats(known.get("std", ""))
    if mean and std and min(std) > 0:
        scale = _floats(known.get("scale", "")) or ((1.0,) if max(map(abs, (*mean, *std))) > _RAW else (255.0,))
        numbers = Preprocess(scale=scale[0], mean=mean, std=std)
    bgr = known.get("image.bitmappixelformat", "").lower().startswith("bgr")
    if numbers is None and not bgr:
        return None
    return Normalization(numbers=replace(numbers or Preprocess(), order="BGR" if bgr else "RGB"))


def _floats(text: str) -> tuple[float, ...]:
    """Return the numbers of '[0.5, 0.5, 0.5]' or '0.5,0.5 0.5'; empty where other words are among them."""
    try:
        return tuple(float(word) for word in re.split(r"[\s,;:]+", text.strip(" []()")) if word)
    except ValueError:
        return ()


def _names(text: str) -> tuple[str, ...]:
    """Return class names from a dict or list in JSON or Python's spelling, or from words between commas or lines."""
    value: object = None
    with suppress(ValueError, SyntaxError):
        value = ast.literal_eval(text)
    with suppress(ValueError):
        value = json.loads(text)
    if isinstance(value, dict):
        with suppress(ValueError, TypeError):
            ordered = {int(key): str(name) for key, name in value.items()}
            return (
                tuple(ordered[key] for key in sorted(ordered)) if sorted(ordered) == list(range(len(ordered))) else ()
            )
        return ()
    if isinstance(value, (list, tuple)):
        return tuple(map(str, value))
    words = [word.strip() for word in re.split(r"[,\n]", text) if word.strip()]
    return tuple(words) if len(words) > 1 else ()


def _metadata_props(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the entries of ModelProto's field 14; the graph and all else are stepped over."""
    with path.open("rb") as file:
        size = path.stat().st_size
        while file.tell() < size:
            tag = _varint(file)
            kind, field = tag & 7, tag >> 3
            if kind == 0:
                _varint(file)
            elif kind == 2:
                length = _varint(file)
                if field == 14:
                    yield _entry(file.read(length))
                else:
                    file.seek(length, 1)
            else:
                file.seek({1: 8, 5: 4}[kind] if kind in (1, 5) else size, 1)


def _entry(data: bytes) -> tuple[str, str]:
    """Return key and value of a StringStringEntryProto: its fields 1 and 2."""
    import io

    file, found = io.BytesIO(data), {1: "", 2: ""}
    while file.tell() < len(data):
        field = _varint(file) >> 3
        found[field] = file.read(_varint(file)).decode("utf-8", "replace")
    return found[1], found[2]


def _varint(file: IO[bytes]) -> int:
    value = shift = 0
    while True:
        byte = file.read(1)[0]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
        shift += 7


# TensorFlow Lite: fields by their number in schema.fbs and metadata_schema.fbs

_BUFFERS, _METADATA = 4, 6
_SUBGRAPHS, _INPUTS, _UNITS = 3, 2, 4
_NORMALIZATION = 1
"""Of the union ProcessUnitOptions."""


def _of_tflite(path: Path) -> Normalization | None:
    """Return the NormalizationOptions of the first input, which are of pixels from 0 to 255."""
    data = memoryview(path.read_bytes())
    try:
        model = Table.root(data)
        for entry in model.tables(_METADATA):
            if bytes(entry.content(0)) == b"TFLITE_METADATA":
                buffer = list(model.tables(_BUFFERS))[entry.number(1)]
                return _first_normalization(Table.root(buffer.content(0)))
    except DamagedBuffer:
        return None
    return None


def _first_normalization(metadata: Table) -> Normalization | None:
    for graph in metadata.tables(_SUBGRAPHS):
        for tensor in list(graph.tables(_INPUTS))[:1]:
            for unit in tensor.tables(_UNITS):
                if unit.number(0, width=1) == _NORMALIZATION and (options := unit.table(1)) is not None:
                    mean, std = (tuple(map(_float, options.numbers(field))) for field in (0, 1))
                    if mean and std and min(std) > 0:
                        return Normalization(numbers=Preprocess(scale=1.0, mean=mean, std=std))
    return None


def _float(bits: int) -> float:
    value: float = struct.unpack("<f", struct.pack("<I", bits))[0]
    return value


def _label_file(path: Path) -> tuple[str, ...]:
    """Return the lines of the only text file in the archive behind a model."""
    if not zipfile.is_zipfile(path):
        return ()
    with zipfile.ZipFile(path) as archive:
        texts = [info for info in archive.infolist() if info.filename.endswith(".txt")]
        if len(texts) != 1 or texts[0].file_size > 1 << 20:
            return ()
        lines = archive.read(texts[0]).decode("utf-8").splitlines()
    return tuple(line.strip() for line in lines if line.strip())
