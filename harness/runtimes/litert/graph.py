"""The graph of a LiteRT interpreter that an inference runs: the primary one, or that of a signature.

The interpreter's public functions reach the primary graph alone, and a SignatureRunner resizes and allocates in every
call. Tensors are keyed by their place: names may be missing or repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.runtimes.base import Options
from harness.runtimes.outputs import unique_names
from harness.runtimes.signatures import chosen

Details = Mapping[str, dict[str, Any]]


class EntryGraph:
    """A graph of an interpreter.

    Attributes:
        index: Its place in the file; 0 is the primary graph.
        inputs: Details of the input tensors by a unique name: the tensor's own, or the signature's.
        outputs: The same of the output tensors.
        invoke: Runs it once.
    """

    def __init__(self, interpreter: Any, signature: str) -> None:
        self._interpreter = interpreter
        self.index = 0
        self.inputs: Details
        self.outputs: Details
        if signature:
            runner = _runner(interpreter, signature)
            self.index = int(runner._subgraph_index)
            self.inputs, self.outputs = dict(runner.get_input_details()), dict(runner.get_output_details())
        else:
            self.inputs = _by_name(interpreter.get_input_details(), "input")
            self.outputs = _by_name(interpreter.get_output_details(), "output")
        self.invoke: Callable[[], None] = (
            partial(interpreter._interpreter.Invoke, self.index) if self.index else interpreter.invoke
        )

    def resize(self, tensor: int, shape: tuple[int, ...]) -> None:
        """Give an input tensor another shape."""
        if self.index:
            sizes = np.array(shape, dtype=np.int32)
            self._interpreter._interpreter.ResizeInputTensor(tensor, sizes, False, self.index)
        else:
            self._interpreter.resize_tensor_input(tensor, shape)

    def allocate(self) -> None:
        """Plan the memory of all tensors."""
        if self.index:
            self._interpreter._interpreter.AllocateTensors(self.index)
        else:
            self._interpreter.allocate_tensors()

    def set_tensor(self, tensor: int, array: NDArray[Any]) -> None:
        """Copy an array into a tensor."""
        if self.index:
            self._interpreter._interpreter.SetTensor(tensor, array, self.index)
        else:
            self._interpreter.set_tensor(tensor, array)

    def get_tensor(self, tensor: int) -> NDArray[Any]:
        """Return a copy of a tensor, in the shape it has after the last inference."""
        if self.index:
            array: NDArray[Any] = self._interpreter._interpreter.GetTensor(tensor, self.index)
        else:
            array = self._interpreter.get_tensor(tensor)
        return array


def _runner(interpreter: Any, signature: str) -> Any:
    chosen(list(interpreter.get_signature_list()), Options(signature=signature), signature)
    return interpreter.get_signature_runner(signature)


def _by_name(details: list[dict[str, Any]], kind: str) -> Details:
    return dict(zip(unique_names([detail["name"] for detail in details], kind), details, strict=True))
