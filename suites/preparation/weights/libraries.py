"""Nets of libraries that the user has installed: timm and torchvision by name, Keras by file."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

from harness.core.artifact import Preprocess
from harness.core.errors import ModelError, SetupError

if TYPE_CHECKING:
    from torch import nn

Library = Literal["timm", "torchvision"]

OLDEST_SAFE_KERAS = (3, 12)
"""In earlier versions a file could run its code in spite of Keras' safe mode."""


@dataclass(frozen=True)
class LibraryNet:
    """A net of a library.

    Attributes:
        net: The net for inference.
        resolution: Edge of its input in pixels.
        preprocess: How images become its input.
        origin: Where the weights are from, for the recipe.
    """

    net: nn.Module
    resolution: int
    preprocess: Preprocess
    origin: Mapping[str, Any]


def load_library_net(library: Library, name: str) -> LibraryNet:
    """Return a net with the weights that its library fetches.

    Raises:
        SetupError: The library is not installed or cannot get the weights.
        ModelError: The library does not specify the preprocessing.
    """
    try:
        module = import_module(library)
    except ImportError as error:
        raise SetupError(f"{library} is not installed", f"pip install --no-deps {library}") from error
    try:
        net, preprocess, interpolation = (_timm if library == "timm" else _torchvision)(module, name)
    except (RuntimeError, ValueError, KeyError, OSError) as error:
        remedy = "give a file with --weights FILE --model FAMILY-WIDTH-RESOLUTION"
        raise SetupError(f"{library} has no weights for '{name}': {error}", remedy) from error
    if not isinstance(preprocess.crop, int):
        raise ModelError(f"{library} does not specify the preprocessing of {name}")
    origin = {
        "weights": f"{library} {version(library)}, {name}",
        "interpolation_in_training": interpolation,  # ours is bicubic
    }
    return LibraryNet(net.eval(), preprocess.crop, preprocess, origin)


def _timm(timm: ModuleType, name: str) -> tuple[nn.Module, Preprocess, str]:
    net: nn.Module = timm.create_model(name, pretrained=True)
    config: Any = net.pretrained_cfg
    edge = config["input_size"][-1]
    preprocess = Preprocess(
        resize=math.floor(edge / config["crop_pct"]), crop=edge, mean=tuple(config["mean"]), std=tuple(config["std"])
    )
    return net, preprocess, str(config["interpolation"])


def _torchvision(torchvision: ModuleType, name: str) -> tuple[nn.Module, Preprocess, str]:
    models = import_module(f"{torchvision.__name__}.models")
    weights = models.get_model_weights(name).DEFAULT
    config = weights.transforms()
    preprocess = Preprocess(
        resize=config.resize_size[0], crop=config.crop_size[0], mean=tuple(config.mean), std=tuple(config.std)
    )
    return models.get_model(name, weights=weights), preprocess, str(config.interpolation)


def convert_keras(path: Path, out: Path) -> dict[str, Any]:
    """Convert a .keras file to .tflite and return the versions of the tools, for the recipe.

    Raises:
        SetupError: Keras or TensorFlow is not installed, or Keras is too old to open files safely.
        ModelError: The file cannot be loaded, or has layers with code of their own.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    try:
        import keras
        import tensorflow
    except ImportError as error:
        remedy = "pip install keras tensorflow"
        raise SetupError(f"{path} needs keras and tensorflow, which are not installed", remedy) from error
    if tuple(map(int, keras.__version__.split(".")[:2])) < OLDEST_SAFE_KERAS:
        raise SetupError(f"keras {keras.__version__} does not open untrusted files safely", "pip install -U keras")
    try:
        net = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, OSError, KeyError) as error:
        reason = str(error).splitlines()[0].partition(". ")[0]
        remedy = "use built-in layers only: layers with code of their own are not loaded"
        raise ModelError(f"{path} cannot be loaded: {reason}", remedy) from error
    out.write_bytes(tensorflow.lite.TFLiteConverter.from_keras_model(net).convert())
    return {"exporter": {"keras": keras.__version__, "tensorflow": tensorflow.__version__}}
