"""Fashion-MNIST for training: idx files in memory, the shipped preprocessing, light augmentation.

Preprocessing (recorded in the manifest of every artifact): 28x28 bytes, padded with zeros to 32x32, divided by
255, then normalised by mean and deviation of the unpadded training images.

The two formats of a trained net, and Fashion-MNIST as models of each take it.

Choose the calibration images: ``python -m suites.preparation.training.fashion_mnist --data DIR --out DIR``.

512 of the 60,000 training images, classes balanced to one image, by a seeded permutation; written as idx files.
They are part of the training set, so that no test image ever shapes an artifact.
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

PAD = 2
"""Pixels added to each side of a 28x28 image."""
MEAN, STD = 0.2860, 0.3530
"""Mean and standard deviation of the 60,000 training images, scaled to [0, 1], before padding."""


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Bytes of a gzipped idx file in its shape; ValueError where the file is not of that form."""
    raw = gzip.decompress(path.read_bytes())
    dimensions = raw[3]
    if raw[:3] != b"\0\0\x08":
        raise ValueError(f"{path}: no idx file of bytes (magic {raw[:4].hex()})")
    shape = np.frombuffer(raw, ">u4", dimensions, 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


@dataclass(frozen=True)
class LabelledImages:
    """Padded images, uint8 N x 1 x 32 x 32, and their labels, int64 N."""

    pixels: torch.Tensor
    labels: torch.Tensor

    @classmethod
    def load(cls, folder: Path, split: str) -> LabelledImages:
        """Read ``split`` (``train`` or ``t10k``) from a folder of Fashion-MNIST idx files."""
        pixels = torch.from_numpy(read_idx(folder / f"{split}-images-idx3-ubyte.gz").copy())
        labels = torch.from_numpy(read_idx(folder / f"{split}-labels-idx1-ubyte.gz").astype(np.int64))
        return cls(torch.nn.functional.pad(pixels.unsqueeze(1), [PAD] * 4), labels)

    def batches(self, size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Normalised images and labels in order."""
        for start in range(0, len(self.labels), size):
            yield normalise(self.pixels[start : start + size]), self.labels[start : start + size]

    def shuffled(self, size: int, generator: torch.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """One epoch of augmented batches in random order; a last, smaller batch is left out."""
        order = torch.randperm(len(self.labels), generator=generator)
        for start in range(0, len(order) - size + 1, size):
            chosen = order[start : start + size]
            yield normalise(augment(self.pixels[chosen], generator)), self.labels[chosen]


def normalise(pixels: torch.Tensor) -> torch.Tensor:
    """Bytes to floats of about zero mean and unit deviation, channels last in memory."""
    return ((pixels.float() / 255 - MEAN) / STD).contiguous(memory_format=torch.channels_last)


def augment(pixels: torch.Tensor, generator: torch.Generator, reach: int = 2) -> torch.Tensor:
    """Shift each image by up to ``reach`` pixels in both directions and mirror half of them.

    The images' zero border of ``PAD`` pixels makes a cyclic shift within it equal to a padded one.
    """
    n, _, height, width = pixels.shape
    shift = torch.randint(-reach, reach + 1, (2, n, 1), generator=generator)
    rows = (torch.arange(height) + shift[0]) % height
    columns = (torch.arange(width) + shift[1]) % width
    mirrored = torch.rand(n, 1, generator=generator) < 0.5
    columns = torch.where(mirrored, columns.flip(1), columns)
    picture = torch.arange(n)[:, None, None]
    return pixels[picture, 0, rows[:, :, None], columns[:, None, :]].unsqueeze(1)


DATA = Path(__file__).parents[2] / "data" / "fashion-mnist"


@dataclass(frozen=True)
class ModelInputs:
    """Test and calibration images as one format's models take them."""

    format: Format

    @cached_property
    def how(self) -> Preprocess:
        """From a 28x28 grey image to the input."""
        return Preprocess(
            channels=1, pad=PAD, scale=255.0, mean=(MEAN,), std=(STD,), layout=EXPORTERS[self.format].layout
        )

    @cached_property
    def test(self) -> tuple[Calibration, NDArray[np.int64]]:
        """The 10,000 test images and their labels."""
        return evaluate.labelled(DATA, self.how)

    @cached_property
    def calibration(self) -> Calibration:
        """The calibration images, of the training set."""
        return evaluate.labelled(DATA / "calibration", self.how)[0]


COUNT, CLASSES, SEED = 512, 10, 20170828
"""The seed is the day on which Fashion-MNIST appeared (arXiv 1708.07747)."""


def calibration_indices(labels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Indices of the calibration images, ascending; as many of each class as of any other, give or take one."""
    order = np.random.RandomState(SEED).permutation(len(labels))  # the legacy stream is frozen (NEP 19)
    places = [order[labels[order] == label] for label in range(CLASSES)]
    turns = (places[i % CLASSES][i // CLASSES] for i in range(COUNT))
    return np.sort(np.fromiter(turns, np.int64, COUNT))


def write_idx(path: Path, values: NDArray[np.uint8]) -> None:
    """Write bytes as a gzipped idx file, without a time stamp, so that equal content gives an equal file."""
    header = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    path.write_bytes(gzip.compress(header + values.tobytes(), mtime=0))


def main() -> None:
    """Parse the command line, choose and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the four Fashion-MNIST idx files")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    kinds = ("labels-idx1", "images-idx3")
    labels, images = (read_idx(arguments.data / f"train-{kind}-ubyte.gz") for kind in kinds)
    indices = calibration_indices(labels)
    for kind, values in zip(kinds, (labels, images), strict=True):
        write_idx(arguments.out / f"train-{kind}-ubyte.gz", values[indices])


if __name__ == "__main__":
    main()
