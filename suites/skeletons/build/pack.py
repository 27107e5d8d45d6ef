"""Cut the synthetic weights out of a finished model file, and note where they go."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

from suites.skeletons.build.transplant import litert_axes
from suites.skeletons.manifest import Slot, Tensor
from suites.skeletons.weights import encode, integers

_SMALLEST_CUT = 64
"""Bytes: smaller weights stay in the graph, where their few bytes could also stand for something else."""


def cut(file: bytes, seed: int, tensors: Sequence[Tensor], file_format: str) -> tuple[bytes, list[Slot]]:
    """The file without its weights, compressed, and the slots they were in, by offset.

    Weights are found by their bytes: what the rule makes is looked for in the file, so a tensor that the converter
    or quantiser changed is not found and stays inside.
    """
    found = [slot for index, tensor in enumerate(tensors) for slot in _slots(file, seed, index, tensor, file_format)]
    slots = sorted(found, key=lambda slot: slot[0].offset)
    kept, position = bytearray(), 0
    for slot, length in slots:
        if slot.offset < position:
            raise ValueError(f"weights of tensor {slot.tensor} overlap others at byte {slot.offset}")
        kept += file[position : slot.offset]
        position = slot.offset + length
    kept += file[position:]
    return zlib.compress(bytes(kept), 9), [slot for slot, _ in slots]


def _slots(file: bytes, seed: int, index: int, tensor: Tensor, file_format: str) -> Iterator[tuple[Slot, int]]:
    drawn = integers(seed, index, tensor.shape)
    axes = litert_axes(tensor.shape) if file_format == "tflite" else tuple(range(drawn.ndim))
    for dtype in ("float32", "int8"):
        raw = encode(drawn, dtype, tensor.scale, axes)
        if len(raw) >= _SMALLEST_CUT:
            for offset in _occurrences(file, raw):
                yield Slot(offset, index, dtype, axes), len(raw)


def _occurrences(file: bytes, raw: bytes) -> Iterator[int]:
    at = file.find(raw)
    while at >= 0:
        yield at
        at = file.find(raw, at + len(raw))
