"""A model file ready to run, and how it came to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from .case import Weights

Format = Literal["onnx", "tflite"]
Layout = Literal["NCHW", "NHWC"]


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
        """From plain JSON types, where a tuple is a list. TypeError on an unknown key."""
        fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
        return cls(**fields)


@dataclass(frozen=True)
class Artifact:
    """A model file. `recipe` says how it was made (parent hash, setting, seed, tool versions).

    `parameters` and `macs` (multiply-accumulates of one inference) are None where nobody counted them.
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


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file, read in 1 MiB pieces so that a large model fits a small board."""
    import hashlib  # the measured child imports this module and hashes nothing

    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
