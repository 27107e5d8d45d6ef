"""Model files: their formats, preprocessing, size and hash."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from .case import Weights

Format = Literal[
    "onnx", "ort", "tflite", "openvino", "torchscript", "executorch", "ncnn", "mnn", "savedmodel", "keras", "tensorrt"
]
Layout = Literal["NCHW", "NHWC"]


@dataclass(frozen=True)
class FormatInfo:
    """How a format is stored on disk.

    Attributes:
        title: Name of the format.
        suffixes: Suffixes of the model file, the one that this project writes first; empty for a folder.
        parts: Suffixes of further files of the same stem that belong to the model.
        appended: Suffixes, behind the whole file name, of further files that belong to the model where they exist.
        marker: File that identifies a folder of this format.
        caution: What opening an untrusted file can do, '' if nothing is known.
        identifier: FlatBuffers' file identifier, bytes 4 to 8 of a file of this format whatever its suffix.
    """

    title: str
    suffixes: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    appended: tuple[str, ...] = ()
    marker: str = ""
    caution: str = ""
    identifier: bytes = b""


FORMATS: Mapping[Format, FormatInfo] = MappingProxyType(
    {
        "onnx": FormatInfo("ONNX", (".onnx",)),
        "ort": FormatInfo("ONNX Runtime's own", (".ort",), identifier=b"ORTM"),
        "tflite": FormatInfo("TensorFlow Lite", (".tflite",), identifier=b"TFL3"),
        "openvino": FormatInfo("OpenVINO IR", (".xml",), parts=(".bin",)),
        "torchscript": FormatInfo(
            "TorchScript", (".pt", ".ptl"), caution="it contains a program that opening and running it executes"
        ),
        "executorch": FormatInfo("ExecuTorch", (".pte",)),
        "ncnn": FormatInfo("ncnn", (".param",), parts=(".bin",)),
        "mnn": FormatInfo("MNN", (".mnn",), appended=(".weight",)),
        "savedmodel": FormatInfo(
            "TensorFlow SavedModel", marker="saved_model.pb", caution="it contains a program that running it executes"
        ),
        "keras": FormatInfo("Keras", (".keras",)),
        "tensorrt": FormatInfo(
            "TensorRT engine", (".engine", ".plan"), caution="an engine contains native code: open only your own"
        ),
    }
)
"""All known formats, those that most runtimes accept first."""

SHIPPED_FORMATS: frozenset[Format] = frozenset({"onnx", "tflite"})
"""Formats that compression settings write and the project ships; the others are converted from these."""


GIVEN_FORMATS: frozenset[Format] = frozenset({"ort", "tensorrt"})
"""Formats that only a user's own files have: this project makes none of them."""


def format_of(path: Path) -> Format | None:
    """Return the format of a model file or folder by its identifier, else its name; None if none of `FORMATS` fits."""
    identifier = _identifier(path)
    for name, info in FORMATS.items():
        if info.identifier and info.identifier == identifier:
            return name
    for name, info in FORMATS.items():
        if path.suffix in info.suffixes or (info.marker and (path / info.marker).is_file()):
            return name
    return None


def _identifier(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(8)[4:]
    except OSError:  # a folder, or no such file
        return b""


def files_of(path: Path) -> list[Path]:
    """Return all files of a model: the file and those beside it that exist, or all files in its folder."""
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file())
    return [path, *(file for file in _files_beside(path) if file.is_file())]


def missing_files_of(path: Path) -> list[Path]:
    """Return the files that a model needs and that are not there."""
    if path.is_dir():
        return _missing_variables(path / "variables")
    return [file for file in _files_beside(path, optional=False) if not file.is_file()]


def _files_beside(path: Path, *, optional: bool = True) -> list[Path]:
    """Return the files beside a model that belong to it, there or not; without the `optional` ones if so asked."""
    kind = format_of(path)
    if kind == "onnx" and path.is_file():
        from .model_files.external_data import (
            external_files,  # the measured child imports this module and hashes nothing
        )

        return external_files(path)
    info = FORMATS[kind] if kind else FormatInfo("")
    appended = [path.with_name(path.name + suffix) for suffix in info.appended] if optional else []
    return [*(path.with_suffix(suffix) for suffix in info.parts), *appended]


def _missing_variables(folder: Path) -> list[Path]:
    """Return what a SavedModel's variables lack: they are an index and one or more shards of data."""
    index, shards = folder / "variables.index", sorted(folder.glob("variables.data-*-of-*"))
    if not index.is_file():
        return [index] if shards else []
    count = int(shards[0].name.rpartition("-of-")[2]) if shards else 1
    named = [folder / f"variables.data-{number:05}-of-{count:05}" for number in range(count)]
    return [shard for shard in named if not shard.is_file()]


@dataclass(frozen=True)
class Preprocess:
    """From a labelled image (uint8, height x width x channels) to a model's input, in the order of the attributes.

    Attributes:
        channels: 1 for greyscale, 3 for RGB.
        resize: Size that the image covers after a bicubic resize with its aspect ratio kept: pixels of the shorter
            side, or height and width. None leaves the image as it is.
        crop: Height and width of the centre crop, as one number where they are equal. None for no crop.
        pad: Pixels of zeros on every side.
        scale: Divides the pixels, before `mean` is subtracted.
        mean: Subtracted, one number or one per channel.
        std: Divides the result, one number or one per channel.
        layout: Layout of the result.
        stretch: Whether `resize` is the exact size, with the aspect ratio lost.
        order: Order of the colour channels.
        letterbox: Grey value of the bars, 0 to 255, beside an image that is resized to lie within `resize` with its
            aspect ratio kept; None for an image that covers it.
    """

    channels: int = 3
    resize: int | tuple[int, int] | None = None
    crop: int | tuple[int, int] | None = None
    pad: int = 0
    scale: float = 255.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    layout: Layout = "NCHW"
    stretch: bool = False
    order: Literal["RGB", "BGR"] = "RGB"
    letterbox: int | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Preprocess:
        """Create from plain JSON types, in which a tuple is a list; TypeError for an unknown key."""
        fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
        return cls(**fields)


@dataclass(frozen=True)
class ScoredOutput:
    """The output of a model whose values are the classes' scores.

    Attributes:
        name: Its name, as the runtime that read the file gives it.
        size: Number of its values for one image.
        classes: Index of each class of the data set among them, where the model names its classes; else empty.
    """

    name: str
    size: int
    classes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Artifact:
    """A model file or folder, which stands for all files of the model.

    Attributes:
        path: The file or folder as it was given: it may be a link whose neighbours are links too.
        format: Its format.
        sha256: Hash of all its files, see `sha256_of`.
        size_bytes: Size of all its files.
        weights: Where the weights come from.
        parameters: Number of parameters, None if not counted.
        macs: Multiply-accumulates of one sample, None if not counted.
        preprocess: Preprocessing of images, None for other inputs.
        recipe: How it was made: hash of the parent, setting, seed, versions of tools.
        output: The output that is scored; None for the only or the first one.
        decode: Name of the convention of the outputs; '' where the task is to recognise it.
        batch: Samples per inference that the file, or the shape given for it, fixes; 1 where the batch is free.
        signature: The entry point that runs, of a model that has several; '' for its only or primary one.
    """

    path: Path
    format: Format
    sha256: str
    size_bytes: int
    weights: Weights = "user"
    parameters: int | None = None
    macs: int | None = None
    preprocess: Preprocess | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict)
    output: ScoredOutput | None = None
    decode: str = ""
    batch: int = 1
    signature: str = ""


def size_of(path: Path) -> int:
    """Return the size of all files of a model in bytes."""
    return sum(file.stat().st_size for file in files_of(path))


def deflated_size_of(path: Path) -> int:
    """Return the size of all files of a model in bytes, each deflated at zlib's default level 6 as in a zip archive."""
    import zlib

    size = 0
    for part in files_of(path):
        compressor = zlib.compressobj(6)
        with part.open("rb") as file:
            while chunk := file.read(1 << 20):
                size += len(compressor.compress(chunk))
        size += len(compressor.flush())
    return size


def sha256_of(path: Path) -> str:
    """Return the hex SHA-256 of a model; of several files, that of the list of their `_label` and hash."""
    import hashlib  # not at import: the measured process imports this module and hashes nothing

    files = files_of(path)
    if files == [path]:
        return sha256_of_file(path)
    lines = [f"{_label(file, path)} {sha256_of_file(file)}\n" for file in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _label(file: Path, model: Path) -> str:
    """Return what distinguishes a file from the others of its model, whatever the name of the model."""
    if model.is_dir():
        return file.relative_to(model).as_posix()
    external = format_of(model) == "onnx" and file != model  # the graph holds their names
    return os.path.relpath(file, model.parent) if external else file.suffix


def sha256_of_file(path: Path) -> str:
    """Hash in chunks of 1 MiB, so that a large model fits into the memory of a small board."""
    import hashlib

    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
