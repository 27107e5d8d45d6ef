"""Read the weights of a net from an untrusted file: only tensors are read, and no code of the file is run."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import nn

from harness.core.errors import ModelError, SetupError

StateDict = dict[str, torch.Tensor]

_NESTED_KEYS = ("state_dict", "model", "model_state_dict", "state_dict_ema", "ema")
"""Keys under which training scripts save the state dict beside other things."""

_COUNTER = "num_batches_tracked"
"""Last part of the names of batch counters, which inference does not need."""

_MAX_SHOWN = 3


def read_tensors(path: Path) -> StateDict:
    """Return the tensors of a file by name, without batch counters.

    Raises:
        ModelError: The file holds anything but tensors, or cannot be read.
        SetupError: A .safetensors file, and safetensors is not installed.
    """
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    for key in _NESTED_KEYS:
        if isinstance(content.get(key), Mapping):
            content = content[key]
            break
    tensors = {name: value for name, value in content.items() if isinstance(value, torch.Tensor)}
    if not tensors or len(tensors) < len(content):
        raise ModelError(f"{path} is not a state dict: it holds {_types(content)}", "save only the net's state_dict()")
    return {name.removeprefix("module."): value for name, value in tensors.items() if not name.endswith(_COUNTER)}


def _read_torch(path: Path) -> Mapping[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickles in a form that torch does not write
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{path} holds more than tensors: loading it could run code of its author, so it is refused",
            "save only the net's state_dict(), or a .safetensors file",
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        reason = str(error).partition(".")[0] or "it is truncated"
        raise ModelError(f"{path} cannot be read as torch weights: {reason}") from error
    if not isinstance(content, Mapping):
        raise ModelError(
            f"{path} holds a {type(content).__name__}, not a state dict", "save only the net's state_dict()"
        )
    return content


def _read_safetensors(path: Path) -> Mapping[str, Any]:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise SetupError(f"{path} needs safetensors, which is not installed", "pip install safetensors") from error
    try:
        content: Mapping[str, Any] = load_file(path)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} cannot be read as safetensors: {error}") from error
    return content


def _types(content: Mapping[str, Any]) -> str:
    shown = islice(content.items(), _MAX_SHOWN)
    return ", ".join(f"{name} ({type(value).__name__})" for name, value in shown) or "nothing"


def load_weights(net: nn.Module, state: StateDict, source: Path) -> str:
    """Load every tensor of `state` into a net.

    Weights of the same architecture under other names are matched by order: each must have the shape and role (weight,
    bias, running mean) of its position.

    Args:
        net: The net, changed in place.
        state: The tensors by name.
        source: The file that they are from, for messages.

    Returns:
        How they were matched: 'by name' or 'by order'.

    Raises:
        ModelError: Tensors do not fit; the message names the first of them.
    """
    expected = {name: value for name, value in net.state_dict().items() if not name.endswith(_COUNTER)}
    if expected.keys() & state.keys():
        mismatches = list(_mismatches_by_name(expected, state))
        how, matched = "by name", state
    else:
        mismatches = list(_mismatches_by_order(expected, state))
        how, matched = "by order", dict(zip(expected, state.values(), strict=False))
    if mismatches:
        shown = "; ".join(mismatches[:_MAX_SHOWN])
        more = "" if len(mismatches) <= _MAX_SHOWN else f"; and {len(mismatches) - _MAX_SHOWN} more"
        remedy = "name the architecture they were trained for with --model"
        raise ModelError(f"{source} holds weights of another architecture: {shown}{more}", remedy)
    net.load_state_dict(matched, strict=False)  # only batch counters are missing
    return how


def _mismatches_by_name(expected: StateDict, state: StateDict) -> list[str]:
    missing = [f"missing {name} {_shape(expected[name])}" for name in expected if name not in state]
    unexpected = [f"unexpected {name} {_shape(state[name])}" for name in state if name not in expected]
    reshaped = [
        f"{name} is {_shape(state[name])}, the net has {_shape(expected[name])}"
        for name in expected
        if name in state and expected[name].shape != state[name].shape
    ]
    return [*missing[:_MAX_SHOWN], *unexpected[:_MAX_SHOWN], *reshaped[:_MAX_SHOWN]]


def _mismatches_by_order(expected: StateDict, state: StateDict) -> list[str]:
    count = [] if len(expected) == len(state) else [f"it has {len(state)} tensors, the net {len(expected)}"]
    pairs = enumerate(zip(expected.items(), state.items(), strict=False))
    return count + [
        f"tensor {index} is {name} {_shape(tensor)}, the net has {expected_name} {_shape(expected_tensor)} there"
        for index, ((expected_name, expected_tensor), (name, tensor)) in pairs
        if tensor.shape != expected_tensor.shape or name.rpartition(".")[2] != expected_name.rpartition(".")[2]
    ]


def _shape(tensor: torch.Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"
