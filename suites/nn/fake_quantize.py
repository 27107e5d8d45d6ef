"""Fake quantisation in plain torch: floats rounded as an int8 runtime would, gradients passed straight through."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize

from .training_hooks import TrainingHooks

MOMENTUM = 0.01
"""Share of the newest batch in the moving average of an activation's range."""


class _Weights(nn.Module):
    """Signed 8 bits, symmetric, one scale an output channel."""

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        peak = weight.detach().flatten(1).abs().amax(1)
        scale = (peak / 127).clamp_min(1e-12)
        zero = torch.zeros_like(scale, dtype=torch.int32)
        return torch.fake_quantize_per_channel_affine(weight, scale, zero, 0, -127, 127)


class _Inputs:
    """Unsigned 8 bits, one scale a tensor, whose range follows the training batches; zero is always in it."""

    def __init__(self) -> None:
        self.low: torch.Tensor | None = None
        self.high: torch.Tensor | None = None

    def __call__(self, layer: nn.Module, arguments: tuple[Any, ...]) -> tuple[torch.Tensor]:
        (x,) = arguments
        if layer.training or self.low is None or self.high is None:
            self._follow(x.detach())
        assert self.low is not None
        assert self.high is not None
        scale = ((self.high - self.low) / 255).clamp_min(1e-12)
        zero = (-self.low / scale).round().to(torch.int32)
        return (torch.fake_quantize_per_tensor_affine(x, scale, zero, 0, 255),)

    def _follow(self, x: torch.Tensor) -> None:
        low, high = x.amin().clamp_max(0), x.amax().clamp_min(0)
        self.low = low if self.low is None else torch.lerp(self.low, low, MOMENTUM)
        self.high = high if self.high is None else torch.lerp(self.high, high, MOMENTUM)


class FakeQuantize(TrainingHooks):
    """Inputs and weights of every convolution and linear layer, from now until ``finish``."""

    def __init__(self, net: nn.Module) -> None:
        self._layers = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
        for layer in self._layers:
            parametrize.register_parametrization(layer, "weight", _Weights())
        self._inputs = [_Inputs() for _ in self._layers]
        self._handles = [
            layer.register_forward_pre_hook(each) for layer, each in zip(self._layers, self._inputs, strict=True)
        ]

    def state(self) -> dict[str, Any]:
        """The range of each layer's inputs."""
        return {"ranges": [(each.low, each.high) for each in self._inputs]}

    def restore(self, state: dict[str, Any]) -> None:
        """Take the ranges over."""
        for each, (low, high) in zip(self._inputs, state["ranges"], strict=True):
            each.low, each.high = low, high

    def finish(self) -> None:
        """Take the rounding away; the tuned float weights stay."""
        for handle in self._handles:
            handle.remove()
        for layer in self._layers:
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
