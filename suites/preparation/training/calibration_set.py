"""Choose the calibration images: ``python -m suites.preparation.training.calibration_set --data DIR --out DIR``.

512 of the 60,000 training images, classes balanced to one image, by a seeded permutation; written as idx files.
They are part of the training set, so that no test image ever shapes an artifact.
"""

from __future__ import annotations

import argparse
import gzip
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .images import read_idx

COUNT, CLASSES, SEED = 512, 10, 20170828
"""The seed is the day on which Fashion-MNIST appeared (arXiv 1708.07747)."""


def chosen(labels: NDArray[np.uint8]) -> NDArray[np.int64]:
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
    indices = chosen(labels)
    for kind, values in zip(kinds, (labels, images), strict=True):
        write_idx(arguments.out / f"train-{kind}-ubyte.gz", values[indices])


if __name__ == "__main__":
    main()
