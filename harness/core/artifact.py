"""A model file ready to run, and how it came to be."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from .case import Weights

Format = Literal[
    "onnx", "tflite", "openvino", "torchscript", "executorch", "ncnn", "mnn", "savedmodel", "keras", "tensorrt"
]
Layout = Literal["NCHW", "NHWC"]


@dataclass(frozen=True)
class FormatInfo:
    """How a format lies on disk.

    Attributes:
        title: Name of the format.
        suffixes: Suffixes of the file that stands for the model, the one we write first. A folder has none.
        parts: Suffixes of files beside it, of the same stem, without which it is not whole.
        appended: Suffixes of files beside it that belong to it where they exist, behind its whole name.
        marker: File by which a folder is known.
        caution: What opening a file of unknown origin can do.
    """

    title: str
    suffixes: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    appended: tuple[str, ...] = ()
    marker: str = ""
    caution: str = ""


FORMATS: Mapping[Format, FormatInfo] = MappingProxyType(
    {
        "onnx": FormatInfo("ONNX", (".onnx",)),
        "tflite": FormatInfo("TensorFlow Lite", (".tflite",)),
        "openvino": FormatInfo("OpenVINO IR", (".xml",), parts=(".bin",)),
        "torchscript": FormatInfo(
            "TorchScript", (".pt", ".ptl"), caution="it holds a program, which opening and running it executes"
        ),
        "executorch": FormatInfo("ExecuTorch", (".pte",)),
        "ncnn": FormatInfo("ncnn", (".param",), parts=(".bin",)),
        "mnn": FormatInfo("MNN", (".mnn",), appended=(".weight",)),
        "savedmodel": FormatInfo(
            "TensorFlow SavedModel", marker="saved_model.pb", caution="it holds a program, which running it executes"
        ),
        "keras": FormatInfo("Keras", (".keras",)),
        "tensorrt": FormatInfo(
            "TensorRT engine", (".engine", ".plan"), caution="an engine holds native code: open none but your own"
        ),
    }
)
"""Every format known, the ones that most runtimes take first."""

SHIPPED: frozenset[Format] = frozenset({"onnx", "tflite"})
"""Formats that compression settings write and the project ships; files of the others are converted from these."""


def format_of(path: Path) -> Format | None:
    """Return the format of a model file or folder by its name; None when it is none of `FORMATS`."""
    for name, facts in FORMATS.items():
        if path.suffix in facts.suffixes or (facts.marker and (path / facts.marker).is_file()):
            return name
    return None


def files_of(path: Path) -> list[Path]:
    """Return every file a model is made of: the file and those beside it that exist, or all within its folder."""
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
        from .external_data import external_files  # the measured child imports this module and hashes nothing

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
    """From a labelled image (uint8, height x width x channels) to a model's input.

    In this order: grey or RGB by `channels`; shorter side to `resize` px (bicubic), centre crop to `crop` px,
    `pad` px of zeros on every side; (x / `scale` - `mean`) / `std` per channel; then `layout`.
    """

    channels: int = 3
    resize: int | None = None
    crop: int | None = None
    pad: int = 0
    scale: float = 255.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    layout: Layout = "NCHW"

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Preprocess:
        """Return the preprocessing of plain JSON types, where a tuple is a list.

        Raises:
            TypeError: A key is unknown.
        """
        fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
        return cls(**fields)


@dataclass(frozen=True)
class Artifact:
    """A model file (or folder), which stands for all files of the model.

    Attributes:
        path: The file or folder, as it was given: it may be a link whose neighbours are links too.
        format: Its format.
        sha256: Hash of all its files, see `sha256_of`.
        size_bytes: Bytes of all its files.
        weights: Where its weights come from.
        parameters: Number of parameters; None where nobody counted them.
        macs: Multiply-accumulates per sample; None where nobody counted them.
        preprocess: How images become its input.
        recipe: How it was made: parent hash, setting, seed, tool versions.
        batch: Samples per inference that the file, or the shape given for it, fixes; 1 where the batch is free.
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
    batch: int = 1


def size_of(path: Path) -> int:
    """Return the bytes of a model with all its files."""
    return sum(file.stat().st_size for file in files_of(path))


def deflated_size_of(path: Path) -> int:
    """Return the bytes of a model with all its files, each deflated at zlib's usual level 6, as in a zip archive."""
    import zlib

    size = 0
    for part in files_of(path):
        packer = zlib.compressobj(6)
        with part.open("rb") as file:
            while piece := file.read(1 << 20):
                size += len(packer.compress(piece))
        size += len(packer.flush())
    return size


def sha256_of(path: Path) -> str:
    """Return the hex SHA-256 of a model.

    That of a model of several files is the hash of a list: a line for each file, with what tells it from the others and
    the hash of its content.
    """
    import hashlib  # the measured child imports this module and hashes nothing

    files = files_of(path)
    if files == [path]:
        return _sha256_of_file(path)
    lines = [f"{_place(file, path)} {_sha256_of_file(file)}\n" for file in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _place(file: Path, model: Path) -> str:
    """Return what tells a file from the others of its model, whatever the model is called."""
    if model.is_dir():
        return file.relative_to(model).as_posix()
    external = format_of(model) == "onnx" and file != model  # the graph holds their names
    return os.path.relpath(file, model.parent) if external else file.suffix


def _sha256_of_file(path: Path) -> str:
    """Hash a file in pieces of 1 MiB, so that a large model fits a small board."""
    import hashlib

    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
