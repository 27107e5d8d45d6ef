"""Compare two settings image by image.

`python -m suites.preparation.training.paired MODEL SETTING OTHER [--format tflite]` prints both accuracies on the
10,000 test images, on how many images only one setting is correct, and McNemar's exact p. It needs the runtimes only:
it runs the shipped files. For a setting that was trained for comparison only, such as `fine-tuned`, it reads the log.
"""

from __future__ import annotations

import argparse
import base64
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.core.artifact import Preprocess
from harness.stats.proportions import mcnemar
from suites.artifacts import catalog, evaluate

Hits = NDArray[np.bool_]
"""Whether each image is classified correctly, in the order of the data set."""

_TEST_IMAGES = 10_000


def pack_hits(hits: Hits) -> str:
    """Return one bit per image in base64, the first image's in the highest bit."""
    return base64.b64encode(np.packbits(hits).tobytes()).decode()


def unpack_hits(text: str, count: int) -> Hits:
    """Return the first `count` hits of what `pack_hits` returned."""
    return np.unpackbits(np.frombuffer(base64.b64decode(text), np.uint8), count=count).astype(np.bool_)


def logged_hits(log: Path, count: int) -> Hits:
    """Return the hits on `count` test images from the last line of a fine-tuning's log."""
    return unpack_hits(json.loads(log.read_text().splitlines()[-1])["test_right"], count)


def setting_hits(model: str, setting: str, kind: str) -> Hits:
    """Return the hits of a setting on the test images: of the shipped file, or from the log where none ships."""
    entry = catalog.shipped().get((model, setting, kind))
    if entry is None:
        return logged_hits(catalog.ARTIFACTS / model / f"{setting}.jsonl", _TEST_IMAGES)
    images, labels = evaluate.labelled(catalog.DATA / "fashion-mnist", Preprocess.from_json(entry["preprocess"]))
    predictions = evaluate.outputs(catalog.shipped_file(entry), images).argmax(axis=1)
    return np.asarray(predictions == labels)


def main() -> None:
    """Parse the command line and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("settings", nargs=2)
    parser.add_argument("--format", choices=("onnx", "tflite"), default="onnx")
    arguments = parser.parse_args()
    first, second = (setting_hits(arguments.model, setting, arguments.format) for setting in arguments.settings)
    only = int((first & ~second).sum()), int((second & ~first).sum())
    for setting, hits, count in zip(arguments.settings, (first, second), only, strict=True):
        print(f"{setting}: top-1 {hits.mean():.4f}, only this one correct on {count} of {len(hits)}")
    print(f"McNemar's exact p {mcnemar(*only):.2g}")


if __name__ == "__main__":
    main()
