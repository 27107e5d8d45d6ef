"""Our torch nets with the weights of a shipped .onnx, whose initialisers carry the modules' names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import UsageError
from harness.core.plugins import load
from suites.models.base import ModelVariant

if TYPE_CHECKING:
    import torch
    from torch import nn


def net_of(source: Path, model: str) -> nn.Module:
    """The net `model` for inference, batch normalisation folded, with the weights in the fp32 file `source`.

    UsageError where the graph is not that of our net: pruned channels, or another model.
    """
    from suites.nn.blocks import fold

    variant = ModelVariant.parse(model)
    net = fold(load("models", variant.family).net(variant))
    try:
        net.load_state_dict(_weights(source))
    except RuntimeError as error:
        raise UsageError(f"{source.name} is not the plain {model}: {str(error)[:200]}") from error
    return net


def example(model: str) -> torch.Tensor:
    """One input of zeros."""
    import torch

    return torch.zeros(1, *ModelVariant.parse(model).input_shape)


def _weights(source: Path) -> dict[str, Any]:
    """Float initialisers by name; those the exporter added (shapes, bounds) have no dot in theirs."""
    import onnx
    import torch

    found = {one.name: onnx.numpy_helper.to_array(one) for one in onnx.load(source).graph.initializer}
    return {
        name: torch.from_numpy(array.copy()) for name, array in found.items() if name.endswith((".weight", ".bias"))
    }
