"""What is in a SavedModel folder or a .keras file: its inputs, and a function of their tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.runtimes.base import Options, SessionError, TensorSpec

SIGNATURE = "serving_default"


@dataclass(frozen=True)
class Net:
    """`call` takes one tensor an input, in order."""

    call: Callable[..., Any]
    inputs: tuple[TensorSpec, ...]


def saved_model(path: Path, options: Options) -> Net:
    """A signature of it, 'serving_default' unless the option `signature` names another."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    name = options.settings.get("signature", SIGNATURE)
    if name not in loaded.signatures:
        there = ", ".join(loaded.signatures) or "none at all"
        remedy = "--runtime-option tensorflow:signature=NAME, or save it with signatures=..."
        raise SessionError(f"the SavedModel has no signature '{name}': {there}", remedy)
    signature = loaded.signatures[name]
    _, taken = signature.structured_input_signature
    names = sorted(taken)

    def call(*tensors: Any) -> Any:
        kept = loaded.signatures[name]  # of the loaded object, whose variables go with it
        return kept(**dict(zip(names, tensors, strict=True)))

    inputs = tuple(_spec(each, taken[each].shape, taken[each].dtype.name, options) for each in names)
    return Net(call, inputs)


def keras_file(path: Path, options: Options) -> Net:
    """The whole model, as it infers. Safe mode: no lambda layer, nothing that would run code out of the file."""
    import keras
    import tensorflow as tf

    model = keras.saving.load_model(path, compile=False, safe_mode=True)
    if not getattr(model, "inputs", None):
        remedy = "give it a keras.Input, or call it once, and save it again"
        raise SessionError("the model tells no inputs: it was saved before it was built", remedy)

    structure = model.inputs[0] if isinstance(model, keras.Sequential) else model.input

    def call(*tensors: Any) -> Any:
        return model(tf.nest.pack_sequence_as(structure, tensors), training=False)

    inputs = tuple(_spec(each.name, each.shape, each.dtype, options) for each in model.inputs)
    return Net(call, inputs)


def _spec(name: str, shape: Any, dtype: str, options: Options) -> TensorSpec:
    """SessionError for an input that cannot be fed, or whose rank nobody knows."""
    try:
        np.dtype(dtype)
    except TypeError as error:
        raise SessionError(f"input '{name}' has type {dtype}, which cannot be fed from an array") from error
    if getattr(shape, "rank", 0) is None:
        shape = (None,) * len(options.shapes.get(name, ()))
        if not shape:
            raise SessionError(f"input '{name}' has no shape", f"give it: --shape {name}=1x224x224x3")
    return TensorSpec(name, tuple(-1 if size is None else int(size) for size in shape), dtype)
