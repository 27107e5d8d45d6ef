"""Torch's tensors as NumPy arrays, of the types too that NumPy does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch


def to_array(tensor: torch.Tensor) -> NDArray[Any]:
    """Return a copy of a tensor: bfloat16 and quantized ones as the float32 they stand for, sparse ones as dense."""
    import torch

    plain = tensor.detach()
    if plain.is_quantized:
        plain = plain.dequantize()
    if plain.layout != torch.strided:
        plain = plain.to_dense()
    if plain.dtype == torch.bfloat16:
        plain = plain.float()
    array: NDArray[Any] = plain.numpy().copy()
    return array
