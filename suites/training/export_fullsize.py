"""Write full-size nets with seeded random weights: ``python -m suites.training.export_fullsize --out DIR [MODEL ...]``.

Their latency, energy and memory are those of the architecture; they have learnt nothing. Batch normalisation is
calibrated on seeded pictures, without which activations of an untrained net shrink by orders of magnitude a layer.
Writes ``<model>/fp32.onnx``, ``fp32.tflite``, ``int8-static.onnx`` and ``int8-static.tflite``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import cast

import torch
from torch import nn

from harness.core.plugins import load
from suites.models.base import ModelFamily, Variant
from suites.skeletons.images import images
from suites.training.graphs import to_onnx, to_tflite

MODELS = (
    "mobilenet_v1-1.0-224",
    "mobilenet_v2-1.0-224",
    "mobilenet_v3_small-1.0-224",
    "mobilenet_v3_large-1.0-224",
    "shufflenet_v2-0.5-224",
    "shufflenet_v2-1.0-224",
    "efficientnet_b0-1.0-224",
    "efficientnet_lite0-1.0-224",
)
"""The nets of the suite ``full-size``."""

BATCH_NORM_IMAGES, CALIBRATION_IMAGES = 64, 32
_BATCH = 16


def synthetic_net(variant: Variant, seed: int) -> nn.Module:
    """The net with seeded weights and batch normalisation calibrated on seeded pictures, in evaluation mode."""
    torch.manual_seed(seed)
    family = cast(ModelFamily, load("models", variant.family))
    net = family.net(variant)
    calibrate_batch_norm(net, torch.from_numpy(images(seed, BATCH_NORM_IMAGES, variant.resolution, variant.channels)))
    return net


def calibrate_batch_norm(net: nn.Module, pictures: torch.Tensor) -> None:
    """Set running statistics to the means over all batches of ``pictures``; leaves ``net`` in evaluation mode."""
    layers = [layer for layer in net.modules() if isinstance(layer, nn.BatchNorm2d)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a cumulative mean instead of a moving one
    net.train()
    with torch.no_grad():
        for batch in pictures.split(_BATCH):
            net(batch)
    net.eval()
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum  # torch.export does not take None


def export(model: str, out: Path, seed: int) -> None:
    """Write the four files of one net into ``out``."""
    variant = Variant.parse(model)
    net = synthetic_net(variant, seed)
    calibration = images(seed + 1, CALIBRATION_IMAGES, variant.resolution, variant.channels)
    static = load("compression", "int8-static")
    out.mkdir(parents=True, exist_ok=True)
    to_onnx(net, variant, out / "fp32.onnx")
    static.build(out / "fp32.onnx", calibration, out / "int8-static.onnx")
    to_tflite(net, variant, out / "fp32.tflite")
    static.build(out / "fp32.tflite", calibration.transpose(0, 2, 3, 1), out / "int8-static.tflite")


def main() -> None:
    """Parse the command line and export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "models", nargs="*", default=MODELS, help="family-width-resolution; all of the suite by default"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for model in arguments.models:
        export(model, arguments.out / model, arguments.seed)
        print(f"{model}: written to {arguments.out / model}", flush=True)


if __name__ == "__main__":
    main()
