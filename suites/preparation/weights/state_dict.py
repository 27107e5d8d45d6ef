"""A net's weights out of a file that may be anyone's: tensors are read, no code of the file is ever run."""

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
SUFFIXES = frozenset({".pt", ".pth", ".safetensors"})
_NESTED = ("state_dict", "model", "model_state_dict", "state_dict_ema", "ema")
"""Keys under which training scripts keep the state dict beside other things."""
_SHOWN = 3


def read_tensors(path: Path) -> StateDict:
    """The tensors by name, without counters of batches. ModelError for a file that holds anything but tensors."""
    content = _safetensors(path) if path.suffix == ".safetensors" else _torch(path)
    for key in _NESTED:
        if isinstance(content.get(key), Mapping):
            content = content[key]
            break
    tensors = {name: value for name, value in content.items() if isinstance(value, torch.Tensor)}
    if not tensors or len(tensors) < len(content):
        raise ModelError(f"{path} is no state dict: it holds {_kinds(content)}", "save the net's state_dict() alone")
    return {n.removeprefix("module."): t for n, t in tensors.items() if not n.endswith("num_batches_tracked")}


def _torch(path: Path) -> Mapping[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickles in a form that torch does not write
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{path} is no file of tensors alone: loading it could run code of its author, so it is refused",
            "save the net's state_dict() alone, or as .safetensors",
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"{path} cannot be read as weights of torch: {str(error).partition('.')[0] or 'it is cut short'}"
        ) from error
    if not isinstance(content, Mapping):
        raise ModelError(f"{path} holds a {type(content).__name__}, no state dict", "save the net's state_dict()")
    return content


def _safetensors(path: Path) -> Mapping[str, Any]:
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


def _kinds(content: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} ({type(value).__name__})" for name, value in islice(content.items(), _SHOWN)) or "nothing"


def load_weights(net: nn.Module, state: StateDict, source: Path) -> str:
    """Give the net these weights, every tensor; says how they were matched: 'by name' or 'by order'.

    Weights of the same architecture under other names are matched in their order, where each has the shape and the role
    (weight, bias, running mean) of its place. ModelError names the first tensors that do not fit.
    """
    own = {name: value for name, value in net.state_dict().items() if not name.endswith("num_batches_tracked")}
    if own.keys() & state.keys():
        faults = list(_by_name(own, state))
        how, matched = "by name", state
    else:
        faults = list(_by_order(own, state))
        how, matched = "by order", dict(zip(own, state.values(), strict=False))
    if faults:
        shown = "; ".join(faults[:_SHOWN]) + ("" if len(faults) <= _SHOWN else f"; and {len(faults) - _SHOWN} more")
        remedy = "name the architecture they were trained for with --model"
        raise ModelError(f"{source} holds weights of another architecture: {shown}", remedy)
    net.load_state_dict(matched, strict=False)  # what is left out are the counters of batches
    return how


def _by_name(own: StateDict, given: StateDict) -> list[str]:
    missing = [f"missing {name} {_shape(own[name])}" for name in own if name not in given]
    unexpected = [f"unexpected {name} {_shape(given[name])}" for name in given if name not in own]
    shaped = [
        f"{name} is {_shape(given[name])}, the net has {_shape(own[name])}"
        for name in own
        if name in given and own[name].shape != given[name].shape
    ]
    return [*missing[:_SHOWN], *unexpected[:_SHOWN], *shaped[:_SHOWN]]


def _by_order(own: StateDict, given: StateDict) -> list[str]:
    count = [] if len(own) == len(given) else [f"it has {len(given)} tensors, the net {len(own)}"]
    places = enumerate(zip(own.items(), given.items(), strict=False))
    return count + [
        f"tensor {place} is {name} {_shape(tensor)}, the net has {mine} {_shape(wanted)} there"
        for place, ((mine, wanted), (name, tensor)) in places
        if tensor.shape != wanted.shape or name.rpartition(".")[2] != mine.rpartition(".")[2]
    ]


def _shape(tensor: torch.Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"
