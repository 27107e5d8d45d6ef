"""From a net with its weights to float model files that compute the same, checked on pictures (extra ``prepare``)."""

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

from . import state_dict

TOLERANCE = 1e-4
"""A float model file may differ from the torch net by this in any output, for outputs of about 10."""
_PICTURES = 4

Note = dict[str, Any]


def net_with_weights(variant: ModelVariant, weights: Path, *, same: bool) -> tuple[nn.Module, str]:
    """The net with the weights of a file, ready for inference, and how they were matched.

    ``same`` pads it as TensorFlow does. ModelError when the file is of another architecture.
    """
    net = cast(nn.Module, load("models", variant.family).net(variant))
    matched = state_dict.load_weights(net, state_dict.read_tensors(weights), weights)
    if same:
        pad_same(net, variant.input_shape)
    return net.eval(), matched


def export_published(model: str, kind: Format, out: Path) -> Note:
    """Write the float model file of a net with its published weights; SetupError when these are not fetched."""
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
    net: nn.Module, variant: ModelVariant, kind: Format, out: Path, how: Preprocess | None, origin: Mapping[str, Any]
) -> Note:
    """Write ``net`` to ``out``, compare the file with it, and say how it was made and wants its images, if known.

    ModelError when any output differs by more than ``TOLERANCE``.
    """
    route = EXPORTERS[kind]
    route.write(net, variant, out)
    difference = largest_difference(net, variant, kind, out)
    if not difference <= TOLERANCE:
        raise ModelError(f"{out} differs from the torch net by {difference:.2g}, more than {TOLERANCE:g}")
    return {
        "sha256": sha256_of(out),
        "bytes": out.stat().st_size,
        "parameters": count_parameters(net),
        "macs": count_macs(net, variant.input_shape),
        "preprocess": asdict(replace(how, layout=route.layout)) if how else None,
        "recipe": {
            "setting": "fp32",
            **origin,
            "exporter": {tool: version(tool) for tool in route.exporters},
            "largest_difference_from_torch": difference,
        },
    }


def largest_difference(net: nn.Module, variant: ModelVariant, kind: Format, file: Path) -> float:
    """Largest absolute difference of any output between a model file and its net, on seeded pictures."""
    pictures = images(0, _PICTURES, variant.resolution, variant.channels)
    with torch.no_grad():
        wanted = net(torch.from_numpy(pictures)).numpy()
    laid = pictures if EXPORTERS[kind].layout == "NCHW" else np.ascontiguousarray(pictures.transpose(0, 2, 3, 1))
    return float(np.abs(outputs(file, laid) - wanted).max())
