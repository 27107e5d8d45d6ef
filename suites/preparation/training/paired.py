"""Which images a net classified as labelled, as a log keeps it: one bit an image, so that nets compare in pairs.

Compare two settings image by image:
``python -m suites.preparation.training.paired MODEL SETTING OTHER [--format tflite]``.

Prints both accuracies on the 10,000 test images, on how many images only one of the two is right, and McNemar's exact
p. Needs the runtimes only: the shipped files are compared; of a setting that was tuned for comparison only, such as
``fine-tuned``, what its log says.
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
"""One an image, in the order of the data set."""


def pack_hits(hits: Hits) -> str:
    """Base64 of the bits, the first image's highest."""
    return base64.b64encode(np.packbits(hits).tobytes()).decode()


def unpack_hits(text: str, count: int) -> Hits:
    """The first ``count`` of what `packed` wrote."""
    return np.unpackbits(np.frombuffer(base64.b64decode(text), np.uint8), count=count).astype(np.bool_)


def logged_hits(log: Path, count: int) -> Hits:
    """What the last line of a tuning's log says of ``count`` test images."""
    return unpack_hits(json.loads(log.read_text().splitlines()[-1])["test_right"], count)


IMAGES = 10_000
"""Fashion-MNIST's test images."""


def setting_hits(model: str, setting: str, kind: str) -> Hits:
    """For each test image whether the net classifies it as labelled."""
    entry = catalog.shipped().get((model, setting, kind))
    if entry is None:
        return logged_hits(catalog.ARTIFACTS / model / f"{setting}.jsonl", IMAGES)
    images, labels = evaluate.labelled(catalog.DATA / "fashion-mnist", Preprocess.from_json(entry["preprocess"]))
    found = evaluate.outputs(catalog.ARTIFACTS / entry["file"], images).argmax(axis=1)
    return np.asarray(found == labels)


def main() -> None:
    """Parse the command line and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("settings", nargs=2)
    parser.add_argument("--format", choices=("onnx", "tflite"), default="onnx")
    arguments = parser.parse_args()
    first, second = (setting_hits(arguments.model, setting, arguments.format) for setting in arguments.settings)
    alone = int((first & ~second).sum()), int((second & ~first).sum())
    for setting, hits, only in zip(arguments.settings, (first, second), alone, strict=True):
        print(f"{setting}: top-1 {hits.mean():.4f}, alone right on {only} of {len(hits)}")
    print(f"McNemar's exact p {mcnemar(*alone):.2g}")


if __name__ == "__main__":
    main()
