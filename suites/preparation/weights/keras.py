"""Keras' .keras files as .tflite, where the user has Keras and TensorFlow installed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from harness.core.errors import ModelError, SetupError

OLDEST = (3, 12)
"""Earlier versions of Keras could be made to run code of a file in spite of their safe mode."""


def convert_keras(path: Path, out: Path) -> dict[str, Any]:
    """Write the net of `path` as .tflite; what it was made with. ModelError for a file with code of its own."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    try:
        import keras
        import tensorflow
    except ImportError as error:
        remedy = "pip install keras tensorflow"
        raise SetupError(f"{path} needs keras and tensorflow, which are not installed", remedy) from error
    if tuple(map(int, keras.__version__.split(".")[:2])) < OLDEST:
        raise SetupError(f"keras {keras.__version__} opens no stranger's file safely", "pip install -U keras")
    try:
        net = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, OSError, KeyError) as error:
        first = str(error).splitlines()[0].partition(". ")[0]
        raise ModelError(f"{path} cannot be loaded: {first}", "layers with code of their own are refused") from error
    out.write_bytes(tensorflow.lite.TFLiteConverter.from_keras_model(net).convert())
    return {"exporter": {"keras": keras.__version__, "tensorflow": tensorflow.__version__}}
