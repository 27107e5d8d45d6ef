"""Export nets with given weights to float model files, and check that these compute the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from harness.core.artifact import Format, Preprocess, sha256_of
from harness.core.errors import ModelError
from harness.core.plugins import load
from suites.artifacts.evaluate import outputs
from suites.artifacts.synthetic.check import images
from suites.data.published_weights import PUBLISHED
from suites.models.base import ModelVariant
from suites.nn.blocks import count_macs, count_parameters
from suites.nn.same_padding import pad_same
from suites.preparation.torch_export import EXPORTERS

from .state_dict import load_weights, read_tensors

TOLERANCE = 1e-4
"""Largest difference of any output between a float model file and the torch net, for outputs of about 10."""

_CHECK_IMAGES = 4

Description = dict[str, Any]
"""What is known of a model file, as JSON types."""


def net_with_weights(variant: ModelVariant, weights: Path, *, same: bool) -> tuple[nn.Module, str]:
    """Load the weights of a file into a net.

    Args:
        variant: The net.
        weights: A file of tensors.
        same: Whether the net pads as TensorFlow's SAME.

    Returns:
        The net for inference, and how tensors were matched: 'by name' or 'by order'.

    Raises:
        ModelError: The weights are those of another architecture.
    """
    net = cast(nn.Module, load("models", variant.family).net(variant))
    matched = load_weights(net, read_tensors(weights), weights)
    if same:
        pad_same(net, variant.input_shape)
    return net.eval(), matched


def export_published(model: str, kind: Format, out: Path) -> Description:
    """Write the float model file of a net with its published weights.

    Raises:
        SetupError: The weights are not on this machine.
    """
    source, variant = PUBLISHED[model], ModelVariant.parse(model)
    net, matched = net_with_weights(variant, source.require(), same=True)
    origin = {
        "weights": f"{source.wheel.name} {source.wheel.version}, {Path(source.member).name}",
        "origin_sha256": source.sha256,
        "matched": matched,
        "licence": source.licence,
    }
    return export_checked(net, variant, kind, out, source.preprocess, origin)


def export_checked(
    net: nn.Module,
    variant: ModelVariant,
    kind: Format,
    out: Path,
    preprocess: Preprocess | None,
    origin: Mapping[str, Any],
) -> Description:
    """Write a net to a float model file, and compare the outputs of both.

    Args:
        net: The net for inference.
        variant: Its variant.
        kind: Format of the file.
        out: The file to write.
        preprocess: How images become the net's input, if known.
        origin: Where the weights are from, for the recipe.

    Raises:
        ModelError: An output differs by more than `TOLERANCE`.
    """
    exporter = EXPORTERS[kind]
    exporter.write(net, variant, out)
    difference = largest_difference(net, variant, kind, out)
    if not difference <= TOLERANCE:
        raise ModelError(f"{out} differs from the torch net by {difference:.2g}, more than {TOLERANCE:g}")
    return {
        "sha256": sha256_of(out),
        "bytes": out.stat().st_size,
        "parameters": count_parameters(net),
        "macs": count_macs(net, variant.input_shape),
        "preprocess": asdict(replace(preprocess, layout=exporter.layout)) if preprocess else None,
        "recipe": {
            "setting": "fp32",
            **origin,
            "exporter": {tool: version(tool) for tool in exporter.tools},
            "largest_difference_from_torch": difference,
        },
    }


def largest_difference(net: nn.Module, variant: ModelVariant, kind: Format, file: Path) -> float:
    """Return the largest absolute difference of any output between a model file and its net, on seeded images."""
    batch = images(0, _CHECK_IMAGES, variant.resolution, variant.channels)
    with torch.no_grad():
        expected = net(torch.from_numpy(batch)).numpy()
    if EXPORTERS[kind].layout == "NHWC":
        batch = np.ascontiguousarray(batch.transpose(0, 2, 3, 1))
    return float(np.abs(outputs(file, batch) - expected).max())
