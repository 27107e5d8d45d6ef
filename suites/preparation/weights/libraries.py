"""Nets of timm and torchvision by name, with the weights these libraries fetch, where the user has them installed.

Keras' .keras files as .tflite, where the user has Keras and TensorFlow installed.
"""

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


@dataclass(frozen=True)
class LibraryNet:
    """A net for inference, the edge of its input in pixels, how it wants its images, and where it is from."""

    net: nn.Module
    edge: int
    preprocess: Preprocess
    origin: Mapping[str, Any]


def load_library_net(library: Library, name: str) -> LibraryNet:
    """The net `name`. SetupError where the library is missing or cannot get the weights, ModelError without any."""
    try:
        module = import_module(library)
    except ImportError as error:
        raise SetupError(f"{library} is not installed", f"pip install --no-deps {library}") from error
    try:
        net, preprocess, interpolation = (_timm if library == "timm" else _torchvision)(module, name)
    except (RuntimeError, ValueError, KeyError, OSError) as error:
        remedy = "give the file itself with --weights FILE --model FAMILY-WIDTH-RESOLUTION"
        raise SetupError(f"{library} gives no weights of '{name}': {error}", remedy) from error
    if not isinstance(preprocess.crop, int):
        raise ModelError(f"{library} does not say which images {name} takes")
    origin = {
        "weights": f"{library} {version(library)}, {name}",
        "interpolation_in_training": interpolation,  # ours is bicubic
    }
    return LibraryNet(net.eval(), preprocess.crop, preprocess, origin)


def _timm(timm: ModuleType, name: str) -> tuple[nn.Module, Preprocess, str]:
    net: nn.Module = timm.create_model(name, pretrained=True)
    facts: Any = net.pretrained_cfg
    edge = facts["input_size"][-1]
    how = Preprocess(
        resize=math.floor(edge / facts["crop_pct"]), crop=edge, mean=tuple(facts["mean"]), std=tuple(facts["std"])
    )
    return net, how, str(facts["interpolation"])


def _torchvision(torchvision: ModuleType, name: str) -> tuple[nn.Module, Preprocess, str]:
    models = import_module(f"{torchvision.__name__}.models")
    weights = models.get_model_weights(name).DEFAULT
    facts = weights.transforms()
    how = Preprocess(resize=facts.resize_size[0], crop=facts.crop_size[0], mean=tuple(facts.mean), std=tuple(facts.std))
    return models.get_model(name, weights=weights), how, str(facts.interpolation)


OLDEST_SAFE_KERAS = (3, 12)
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
    if tuple(map(int, keras.__version__.split(".")[:2])) < OLDEST_SAFE_KERAS:
        raise SetupError(f"keras {keras.__version__} opens no stranger's file safely", "pip install -U keras")
    try:
        net = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, OSError, KeyError) as error:
        first = str(error).splitlines()[0].partition(". ")[0]
        raise ModelError(f"{path} cannot be loaded: {first}", "layers with code of their own are refused") from error
    out.write_bytes(tensorflow.lite.TFLiteConverter.from_keras_model(net).convert())
    return {"exporter": {"keras": keras.__version__, "tensorflow": tensorflow.__version__}}
