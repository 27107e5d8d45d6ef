"""Top-1 accuracy of an exported model on the shipped test images, computed by its runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.core.artifact import Preprocess
from harness.datasets.dataset import open_dataset
from harness.datasets.preprocessing import preprocess

Floats = NDArray[np.float32]

_BATCH = 200


def labelled(folder: Path, how: Preprocess) -> tuple[Floats, NDArray[np.int64]]:
    """Return all images of an idx folder, preprocessed, and their labels."""
    items = list(open_dataset("idx", folder).items())
    return np.stack([preprocess(image, how) for image, _ in items]), np.array([label for _, label in items])


def top1(model: Path, images: Floats, labels: NDArray[np.int64]) -> float:
    """Return the fraction of images whose highest logit is that of their label."""
    return float((outputs(model, images).argmax(axis=1) == labels).mean())


def outputs(model: Path, images: Floats) -> Floats:
    """Return the logits (images x classes) of an .onnx or .tflite for images in its layout."""
    return (_onnx if model.suffix == ".onnx" else _tflite)(model, images)


def _onnx(model: Path, images: Floats) -> Floats:
    from onnxruntime import InferenceSession

    session = InferenceSession(model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    batches = (images[start : start + _BATCH] for start in range(0, len(images), _BATCH))
    return np.concatenate([session.run(None, {name: batch})[0] for batch in batches])


def _tflite(model: Path, images: Floats) -> Floats:
    from ai_edge_litert.interpreter import Interpreter

    net = Interpreter(str(model))
    net.allocate_tensors()
    (entry,), (end,) = net.get_input_details(), net.get_output_details()
    rows = []
    for image in images:
        net.set_tensor(entry["index"], image[None])
        net.invoke()
        rows.append(net.get_tensor(end["index"]))
    return np.concatenate(rows)
