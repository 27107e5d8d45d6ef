"""Fashion-MNIST for training, calibration and scoring.

Images are 28x28 bytes. They are padded with zeros to 32x32, divided by 255, then normalised by mean and standard
deviation of the unpadded training images; the manifest records this for every artifact.

Choose the calibration images: `python -m suites.preparation.training.fashion_mnist --data DIR --out DIR`. They are 512
of the 60,000 training images, so that no test image ever influences an artifact.
"""

from __future__ import annotations

import argparse
import gzip
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from harness.core.artifact import Format, Preprocess
from suites.artifacts import evaluate
from suites.compression.base import Calibration
from suites.preparation.torch_export import EXPORTERS

DATA = Path(__file__).parents[2] / "data" / "fashion-mnist"

PAD = 2
"""Pixels added to each side of a 28x28 image."""
MEAN, STD = 0.2860, 0.3530
"""Mean and standard deviation of the 60,000 training images, scaled to [0, 1], before padding."""

_CLASSES = 10
_CALIBRATION_IMAGES = 512
_CALIBRATION_SEED = 20170828  # the day on which Fashion-MNIST appeared (arXiv 1708.07747)


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Return the bytes of a gzipped idx file in its shape.

    Raises:
        ValueError: The file is not an idx file of bytes.
    """
    raw = gzip.decompress(path.read_bytes())
    dimensions = raw[3]
    if raw[:3] != b"\0\0\x08":
        raise ValueError(f"{path}: not an idx file of bytes (magic {raw[:4].hex()})")
    shape = np.frombuffer(raw, ">u4", dimensions, 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def write_idx(path: Path, values: NDArray[np.uint8]) -> None:
    """Write bytes as a gzipped idx file, without a time stamp, so that equal content gives an equal file."""
    header = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    path.write_bytes(gzip.compress(header + values.tobytes(), mtime=0))


@dataclass(frozen=True)
class LabelledImages:
    """Images for training.

    Attributes:
        pixels: Padded images, shape (n, 1, 32, 32), uint8.
        labels: Their labels, shape (n,), int64.
    """

    pixels: torch.Tensor
    labels: torch.Tensor

    @classmethod
    def load(cls, folder: Path, split: str) -> LabelledImages:
        """Return the split 'train' or 't10k' of a folder of idx files."""
        pixels = torch.from_numpy(read_idx(folder / f"{split}-images-idx3-ubyte.gz").copy())
        labels = torch.from_numpy(read_idx(folder / f"{split}-labels-idx1-ubyte.gz").astype(np.int64))
        return cls(torch.nn.functional.pad(pixels.unsqueeze(1), [PAD] * 4), labels)

    def batches(self, size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield normalised images and labels in order."""
        for start in range(0, len(self.labels), size):
            yield normalise(self.pixels[start : start + size]), self.labels[start : start + size]

    def shuffled(self, size: int, generator: torch.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield one epoch of augmented batches in random order; a last, smaller batch is left out."""
        order = torch.randperm(len(self.labels), generator=generator)
        for start in range(0, len(order) - size + 1, size):
            indices = order[start : start + size]
            yield normalise(augment(self.pixels[indices], generator)), self.labels[indices]


def normalise(pixels: torch.Tensor) -> torch.Tensor:
    """Return bytes as floats of about zero mean and unit standard deviation, channels last in memory."""
    return ((pixels.float() / 255 - MEAN) / STD).contiguous(memory_format=torch.channels_last)


def augment(pixels: torch.Tensor, generator: torch.Generator, max_shift: int = 2) -> torch.Tensor:
    """Shift each image by up to `max_shift` pixels in both directions and mirror half of them.

    Up to `PAD` pixels a cyclic shift is a padded one, since the images have a border of zeros.
    """
    n, _, height, width = pixels.shape
    shift = torch.randint(-max_shift, max_shift + 1, (2, n, 1), generator=generator)
    rows = (torch.arange(height) + shift[0]) % height
    columns = (torch.arange(width) + shift[1]) % width
    mirrored = torch.rand(n, 1, generator=generator) < 0.5
    columns = torch.where(mirrored, columns.flip(1), columns)
    image = torch.arange(n)[:, None, None]
    return pixels[image, 0, rows[:, :, None], columns[:, None, :]].unsqueeze(1)


@dataclass(frozen=True)
class ModelInputs:
    """Test and calibration images as the models of one format take them."""

    format: Format

    @cached_property
    def preprocess(self) -> Preprocess:
        """How a 28x28 grey image becomes the input."""
        layout = EXPORTERS[self.format].layout
        return Preprocess(channels=1, pad=PAD, scale=255.0, mean=(MEAN,), std=(STD,), layout=layout)

    @cached_property
    def test(self) -> tuple[Calibration, NDArray[np.int64]]:
        """The 10,000 test images and their labels."""
        return evaluate.labelled(DATA, self.preprocess)

    @cached_property
    def calibration(self) -> Calibration:
        """The calibration images, which are training images."""
        return evaluate.labelled(DATA / "calibration", self.preprocess)[0]


def calibration_indices(labels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the ascending indices of the calibration images; numbers per class differ by at most one."""
    order = np.random.RandomState(_CALIBRATION_SEED).permutation(len(labels))  # the legacy stream is frozen (NEP 19)
    by_class = [order[labels[order] == label] for label in range(_CLASSES)]
    indices = (by_class[i % _CLASSES][i // _CLASSES] for i in range(_CALIBRATION_IMAGES))
    return np.sort(np.fromiter(indices, np.int64, _CALIBRATION_IMAGES))


def main() -> None:
    """Parse the command line, and write the calibration images."""
    parser = argparse.ArgumentParser(
        prog="python -m suites.preparation.training.fashion_mnist", description="Choose the calibration images."
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the four Fashion-MNIST idx files")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    kinds = ("labels-idx1", "images-idx3")
    labels, images = (read_idx(arguments.data / f"train-{kind}-ubyte.gz") for kind in kinds)
    indices = calibration_indices(labels)
    for kind, values in zip(kinds, (labels, images), strict=True):
        write_idx(arguments.out / f"train-{kind}-ubyte.gz", values[indices])


if __name__ == "__main__":
    main()
