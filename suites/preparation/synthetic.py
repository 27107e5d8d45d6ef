"""Synthetic weights: one small block of random integers, repeated through every layer, times a power of four a layer.

A file of such weights compresses to kilobytes, and no runtime computes faster with them than with trained ones:

* No weight is special: the integers follow a triangular distribution, and no product of them is denormal.
* No two layers and no two output channels of a layer are equal, up to as many channels as the block is long: its length
  is prime and every layer starts elsewhere in it.
* Every output channel reaches magnitude 127, so that symmetric int8 quantisation per channel gives the integers back
  and the int8 file compresses as well.

Activations keep about unit variance from layer to layer: the power of four is that which brings a layer's output
nearest to it (layer-sequential unit variance, Mishkin and Matas 2016, arXiv:1511.06422).

Make the shipped nets: ``python -m suites.preparation.synthetic [MODEL ...]``. Needs the extra ``prepare``.

Each net is written as float .onnx and .tflite, quantised to int8, checked and compressed. Entries of nets that are not
named stay in the manifest. The same tools on the same kind of machine give the same files.
"""

from __future__ import annotations

import argparse
import json
import lzma
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from harness.core.artifact import Format, sha256_of
from harness.core.errors import ModelError
from harness.core.plugins import load
from harness.core.quantity import Value
from harness.stats.output_quality import sqnr_db
from suites.artifacts.synthetic.check import check, images
from suites.artifacts.synthetic.files import MANIFEST, MODELS, ModelFile, available
from suites.compression.int8_static import INT8_STATIC
from suites.converter_output import quiet
from suites.models.base import ModelFamily, ModelVariant
from suites.nn.blocks import count_macs, count_parameters, fold_batch_norm

from .torch_export import EXPORTERS

PEAK = 127
"""Largest magnitude of an integer weight."""

LENGTH = 1289
"""Weights in the block: the first prime number above 1,280, the output channels of the widest layer."""

PEAK_EVERY = 8
"""Every 8th integer of the block is a peak; no layer has fewer weights an output channel."""

BIAS = 0.25
"""Bias of the first layer, in standard deviations of its output; each further layer adds ``BIAS_STEP``.

Not 0, which some compilers drop from the graph, and of another value in every layer, since converters store equal
constants once.
"""

BIAS_STEP = 2.0**-12

_LAYER_START = 101
"""Integers by which the start in the block moves from one layer to the next."""


def block(*, balanced: bool) -> NDArray[np.int8]:
    """Return the block of integers in [-127, 127]: half the difference of two uniform bytes, every 8th at the peak.

    Their standard deviation is 66.

    ``balanced`` chooses each sign so that any run of integers sums to about zero. Activations behind a ReLU share a
    positive mean; weights of random signs amplify it from layer to layer until the output no longer depends on the
    image. A depthwise filter keeps random signs: with a zero sum it would leave nothing of a smooth image.
    """
    raw = np.random.PCG64(0).random_raw(-(-LENGTH // 4)).astype("<u8").view(np.uint8)[: 2 * LENGTH].astype(np.int16)
    signed = np.trunc((raw[:LENGTH] - raw[LENGTH:]) / 2).astype(np.int8)
    signed[::PEAK_EVERY] = np.where(signed[::PEAK_EVERY] < 0, -PEAK, PEAK)
    if balanced:
        total = 0
        for at, size in enumerate(np.abs(signed).tolist()):
            signed[at] = -size if total > 0 else size
            total += int(signed[at])
    return signed


def set_weights(net: nn.Module, images: torch.Tensor) -> None:
    """Set weights and biases of all convolutions and linear layers of ``net`` in place.

    ``images`` run through the net once, and every layer is scaled as they reach it.

    Raises:
        ValueError: Batch normalisation is not folded into the convolutions.
    """
    if any(isinstance(layer, nn.BatchNorm2d) for layer in net.modules()):
        raise ValueError("fold batch normalisation into the convolutions before setting their weights")
    blocks = {balanced: block(balanced=balanced) for balanced in (False, True)}
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    with torch.no_grad():
        hooks = [layer.register_forward_hook(_scaled) for layer in layers]
        for number, layer in enumerate(layers):
            weight, bias = layer.weight, layer.bias
            tiled = np.resize(np.roll(blocks[weight.shape[1] > 1], -number * _LAYER_START), weight.numel())
            weight.copy_(torch.from_numpy(tiled.reshape(weight.shape)) / 2**7)
            if bias is not None:
                bias.fill_(BIAS + number * BIAS_STEP)
        net(images)
        for hook in hooks:
            hook.remove()


def _scaled(layer: Any, _: Any, output: torch.Tensor) -> torch.Tensor:
    """Scale a layer's weights to the power of four that brings its output nearest to unit variance."""
    bias = 0 if layer.bias is None else layer.bias.reshape(-1, *[1] * (output.dim() - 2))
    products = output - bias
    scale = 4.0 ** round(-math.log(float(products.std()), 4))
    layer.weight.mul_(scale)
    return products * scale + bias


NETS = (
    "efficientnet_b0-1.0-224",
    "efficientnet_lite0-1.0-224",
    "mobilenet_v1-1.0-224",
    "mobilenet_v2-1.0-224",
    "mobilenet_v3_large-1.0-224",
    "mobilenet_v3_small-1.0-224",
    "shufflenet_v2-0.5-224",
    "shufflenet_v2-1.0-224",
)
"""The nets of the suite ``full-size``."""

FORMATS: tuple[Format, ...] = ("onnx", "tflite")

_SEED = 0
_SCALING_IMAGES, _CALIBRATION_IMAGES = 4, 32
_LEAST_SQNR_DB = {"fp32": 60.0, INT8_STATIC.name: 5.0}
"""Against the float .onnx file: the two float files are one net, int8 need only stay near it."""


def make(model: str, out: Path) -> Iterator[ModelFile]:
    """Write the compressed files of one net into ``out`` and yield their entries.

    Raises:
        ModelError: A file does not compute as a working net, or int8 or .tflite is not the net of the float .onnx.
    """
    variant = ModelVariant.parse(model)
    net = fold_batch_norm(cast(ModelFamily, load("models", variant.family)).net(variant))
    set_weights(net, torch.from_numpy(images(_SEED, _SCALING_IMAGES, variant.resolution)))
    counts = {"parameters": count_parameters(net), "macs": count_macs(net, variant.input_shape)}
    with TemporaryDirectory() as folder:
        made = {(s, kind): Path(folder) / f"{model}.{s}.{kind}" for kind in FORMATS for s in ("fp32", INT8_STATIC.name)}
        for kind in FORMATS:
            with quiet():
                EXPORTERS[kind].write(net, variant, made["fp32", kind])
                INT8_STATIC.build(made["fp32", kind], _calibration(variant, kind), made[INT8_STATIC.name, kind])
        reference = check(made["fp32", "onnx"])
        for (setting, kind), path in made.items():
            recipe: dict[str, Any] = {"setting": setting, "weights": "synthetic", "tools": _tools(setting, kind)}
            if path != made["fp32", "onnx"]:
                recipe["sqnr_db"] = _sqnr(path, reference, _LEAST_SQNR_DB[setting])
            file = ModelFile(model, setting, kind, path.stat().st_size, sha256_of(path), **counts, recipe=recipe)
            (out / file.packed).write_bytes(lzma.compress(path.read_bytes(), preset=9 | lzma.PRESET_EXTREME))
            yield file


def _calibration(variant: ModelVariant, kind: Format) -> Any:
    made = images(_SEED + 1, _CALIBRATION_IMAGES, variant.resolution)
    return made if EXPORTERS[kind].layout == "NCHW" else np.ascontiguousarray(made.transpose(0, 2, 3, 1))


def _sqnr(path: Path, reference: Any, least: float) -> float:
    ratio = sqnr_db(check(path), reference)
    if not isinstance(ratio, Value) or ratio.value < least:
        raise ModelError(f"{path.name} is not the net of the float .onnx file: SQNR {ratio}")
    return round(ratio.value, 1)


def _tools(setting: str, kind: Format) -> Mapping[str, str]:
    quantisers = () if setting == "fp32" else INT8_STATIC.formats[kind].tools
    return {tool: version(tool) for tool in (*EXPORTERS[kind].exporters, *quantisers)}


def main() -> None:
    """Make all nets, or those named, and write the manifest."""
    parser = argparse.ArgumentParser(prog="python -m suites.preparation.synthetic", description=__doc__)
    parser.add_argument("models", nargs="*", metavar="MODEL", default=NETS, help="all by default")
    parser.add_argument("--out", type=Path, default=MODELS, metavar="DIR", help="folder of the files (default: ours)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    files = dict(available(arguments.out)) if (arguments.out / MANIFEST).exists() else {}
    for model in arguments.models:
        for file in make(model, arguments.out):
            files[file.model, file.compression, file.format] = file
            shipped = (arguments.out / file.packed).stat().st_size
            print(f"{file.packed}: {shipped:,} bytes for {file.size_bytes:,}, {dict(file.recipe)}", flush=True)
    document = {"files": [asdict(files[key]) for key in sorted(files)]}
    (arguments.out / MANIFEST).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
