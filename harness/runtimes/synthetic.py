"""Synthetic inputs: what each input of a graph is taken for by its name and type, and values for it.

Random integers would do harm: a random mask hides half of a sentence, and a random trip count decides how long a loop
runs. So masks are ones, and a number that may decide the time is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .base import Batch, InputError, Options, SessionError, TensorSpec
from .inputs import concrete_shape

Role = Literal["numbers", "bytes", "ones", "zeros", "positions", "ids"]

IDS = (1, 3)
"""The lowest and the highest token id: any vocabulary has them, and 0 is often padding."""

DESCRIBED: dict[Role, str] = {
    "numbers": "uniform in [0, 1)",
    "bytes": "bytes over their whole range",
    "ones": "ones",
    "zeros": "zeros",
    "positions": "0, 1, 2, ...",
    "ids": f"ids {IDS[0]} to {IDS[1]}",
}

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_MASKS = frozenset({"mask", "masks"})
_COUNTS = frozenset(
    {
        *("n", "num", "nums", "number", "count", "counts", "iter", "iters", "iteration", "iterations", "niter"),
        *("loop", "loops", "trip", "trips", "step", "steps", "nsteps", "repeat", "repeats", "times"),
        *("len", "lens", "length", "lengths", "seqlen", "seqlens"),
    }
)
_TYPES = frozenset({"type", "types", "segment", "segments"})
_POSITIONS = frozenset({"pos", "position", "positions"})
_IDS = frozenset({"id", "ids", "token", "tokens", "word", "words", "char", "chars", "text", "sentence"})


def synthetic_batch(specs: Sequence[TensorSpec], options: Options, rng: np.random.Generator) -> Batch:
    """Return seeded inputs for one inference.

    Raises:
        InputError: The time may depend on the value of an input, which only the user knows.
        SessionError: An input has a type without numbers.
    """
    known = roles(specs, options)
    return {spec.name: drawn(spec, known[spec.name], concrete_shape(spec, options), rng) for spec in specs}


def roles(specs: Sequence[TensorSpec], options: Options) -> dict[str, Role]:
    """Return what each input is taken for, by its name.

    Integers whose name says nothing are token ids where there is one such input and no other of ids; several may be
    masks as well as ids, and ones are valid for both.

    Raises:
        InputError: The time may depend on the value of an input.
        SessionError: An input has a type without numbers.
    """
    found = {spec.name: _role(spec, options) for spec in specs}
    unnamed = [name for name, role in found.items() if role is None]
    rest: Role = "ids" if len(unnamed) == 1 and "ids" not in found.values() else "ones"
    return {name: role or rest for name, role in found.items()}


def _role(spec: TensorSpec, options: Options) -> Role | None:
    """Return what an input is taken for; None for integers whose name says nothing."""
    dtype = _dtype(spec)
    if dtype.kind == "f":
        return "numbers"
    if dtype.kind == "b":
        return "ones"
    if spec.scale is not None:
        return "bytes" if dtype.itemsize == 1 else "numbers"
    words = [word.lower() for word in _WORD.findall(spec.name)]
    named = _named(words)
    if named == "count" or (named is None and prod(concrete_shape(spec, options)) == 1):
        raise _value_needed(spec, options)
    return "bytes" if named is None and dtype.itemsize == 1 else named


def _dtype(spec: TensorSpec) -> np.dtype[Any]:
    """Return the element type.

    Raises:
        SessionError: It has no numbers.
    """
    try:
        dtype = np.dtype(spec.dtype)
    except TypeError:
        dtype = np.dtype(object)
    if dtype.kind in "fbiu":
        return dtype
    raise SessionError(
        f"input '{spec.name}' has type {spec.dtype}, of which no synthetic values can be made",
        "export the model without the step that takes it, so that its inputs are numeric tensors",
    )


def _named(words: Sequence[str]) -> Any:
    """Return what the words of a name say of integers: a role, 'count', or None for nothing."""
    if not words:
        return None
    if words[-1] in _MASKS:
        return "ones"
    for known, role in ((_COUNTS, "count"), (_MASKS, "ones"), (_TYPES, "zeros"), (_POSITIONS, "positions")):
        if known.intersection(words):
            return role
    return "ids" if _IDS.intersection(words) else None


def _value_needed(spec: TensorSpec, options: Options) -> InputError:
    shape = concrete_shape(spec, options)
    example = f"np.full({shape}, 10, '{spec.dtype}')" if shape else f"np.{spec.dtype}(10)"
    key = f"{spec.name}={example}" if spec.name.isidentifier() else f"**{{'{spec.name}': {example}}}"
    return InputError(
        f"input '{spec.name}' {list(spec.shape)} takes {spec.dtype}: the time may depend on its value, which is not "
        "known",
        f"give the values of all inputs with --inputs FILE.npz, made by np.savez('FILE.npz', {key}, ...)",
    )


def drawn(spec: TensorSpec, role: Role, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[Any]:
    """Return values of a role for an input of that shape."""
    dtype = np.dtype(spec.dtype)
    if role == "numbers":
        return spec.encode(rng.random(shape)) if spec.scale is not None else rng.random(shape).astype(dtype)
    if role == "bytes":
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
    if role == "positions":
        return np.broadcast_to(np.arange(shape[-1] if shape else 1), shape or (1,)).reshape(shape).astype(dtype)
    if role == "ids":
        return rng.integers(*IDS, shape, endpoint=True).astype(dtype)
    return np.full(shape, role == "ones", dtype)
