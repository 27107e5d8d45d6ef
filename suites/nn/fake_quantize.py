"""Fake quantization in plain torch: floats rounded as an int8 runtime rounds them, with straight-through gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize

from .training_hooks import TrainingHooks

MOMENTUM = 0.01
"""Share of the newest batch in the moving average of an activation's range."""


class _WeightRounding(nn.Module):
    """Signed 8 bits, symmetric, with one scale per output channel."""

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        peak = weight.detach().flatten(1).abs().amax(1)
        scale = (peak / 127).clamp_min(1e-12)
        zero_point = torch.zeros_like(scale, dtype=torch.int32)
        return torch.fake_quantize_per_channel_affine(weight, scale, zero_point, 0, -127, 127)


class _InputRounding:
    """Unsigned 8 bits with one scale per tensor; the range follows the training batches and always contains zero."""

    def __init__(self) -> None:
        self.low: torch.Tensor | None = None
        self.high: torch.Tensor | None = None

    def __call__(self, layer: nn.Module, arguments: tuple[Any, ...]) -> tuple[torch.Tensor]:
        (x,) = arguments
        if layer.training or self.low is None or self.high is None:
            self._update_range(x.detach())
        assert self.low is not None
        assert self.high is not None
        scale = ((self.high - self.low) / 255).clamp_min(1e-12)
        zero_point = (-self.low / scale).round().to(torch.int32)
        return (torch.fake_quantize_per_tensor_affine(x, scale, zero_point, 0, 255),)

    def _update_range(self, x: torch.Tensor) -> None:
        low, high = x.amin().clamp_max(0), x.amax().clamp_min(0)
        self.low = low if self.low is None else torch.lerp(self.low, low, MOMENTUM)
        self.high = high if self.high is None else torch.lerp(self.high, high, MOMENTUM)


class FakeQuantize(TrainingHooks):
    """Round inputs and weights of every convolution and linear layer of `net` until `finish`."""

    def __init__(self, net: nn.Module) -> None:
        self._layers = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
        for layer in self._layers:
            parametrize.register_parametrization(layer, "weight", _WeightRounding())
        self._inputs = [_InputRounding() for _ in self._layers]
        self._handles = [
            layer.register_forward_pre_hook(rounding)
            for layer, rounding in zip(self._layers, self._inputs, strict=True)
        ]

    def state(self) -> dict[str, Any]:
        """Return the range of each layer's inputs."""
        return {"ranges": [(rounding.low, rounding.high) for rounding in self._inputs]}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue with the ranges of `state`."""
        for rounding, (low, high) in zip(self._inputs, state["ranges"], strict=True):
            rounding.low, rounding.high = low, high

    def finish(self) -> None:
        """Remove the rounding; the fine-tuned float weights remain."""
        for handle in self._handles:
            handle.remove()
        for layer in self._layers:
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
