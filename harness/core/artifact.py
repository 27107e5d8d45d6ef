"""A model file ready to run, and how it came to be."""

from __future__ import annotations

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
    """How a format lies on disk: `suffixes` of the file that stands for the model, the one we write first.

    `parts` are suffixes of files beside it, of the same stem, that belong to it. A format that is a folder has no
    suffix and is known by the file `marker` within. `caution` says what opening a stranger's file can do.
    """

    title: str
    suffixes: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
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
        "mnn": FormatInfo("MNN", (".mnn",)),
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

SHIPPED_FORMATS: frozenset[Format] = frozenset({"onnx", "tflite"})
"""Formats that compression settings write and the project ships; files of the others are converted from these."""


def format_of(path: Path) -> Format | None:
    """The format of a model file or folder by its name; None when it is none of `FORMATS`."""
    for name, facts in FORMATS.items():
        if path.suffix in facts.suffixes or (facts.marker and (path / facts.marker).is_file()):
            return name
    return None


def files_of(path: Path) -> list[Path]:
    """Every file a model is made of: the file itself and its parts that exist, or all within its folder."""
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file())
    kind = format_of(path)
    parts = FORMATS[kind].parts if kind else ()
    return [path, *(part for suffix in parts if (part := path.with_suffix(suffix)).is_file())]


@dataclass(frozen=True)
class Preprocess:
    """From a labelled image (uint8, height x width x channels) to a model's input, in the order of the attributes.

    Attributes:
        channels: 1 for grey, 3 for colour.
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

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Preprocess:
        """From plain JSON types, where a tuple is a list. TypeError on an unknown key."""
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
    """A model file (or folder). `recipe` says how it was made (parent hash, setting, seed, tool versions).

    `sha256` and `size_bytes` are those of all its files, see `sha256_of`.

    `parameters` and `macs` (multiply-accumulates of one inference) are None where nobody counted them. `output` is the
    one to score; None means the only one, or the first.
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


def size_of(path: Path) -> int:
    """Bytes of a model with all its files."""
    return sum(file.stat().st_size for file in files_of(path))


def deflated_size_of(path: Path) -> int:
    """Bytes of a model with all its files, each deflated at zlib's usual level 6, as in a zip archive."""
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
    """Hex SHA-256 of a file; of a model of several files that of the list of their names' ends and hashes."""
    import hashlib  # the measured child imports this module and hashes nothing

    files = files_of(path)
    if files == [path]:
        return _sha256_of_file(path)
    lines = [f"{_place(file, path)} {_sha256_of_file(file)}\n" for file in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _place(file: Path, model: Path) -> str:
    """What tells a file from the others of its model, whatever the model is called."""
    return file.relative_to(model).as_posix() if model.is_dir() else file.suffix


def _sha256_of_file(path: Path) -> str:
    """Read in 1 MiB pieces so that a large model fits a small board."""
    import hashlib

    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
