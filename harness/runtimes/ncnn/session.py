"""A net that ncnn has loaded: fed in ncnn's own memory, one Extractor an inference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.core.execution import Execution, OperatorProfile
from harness.core.quantity import Missing
from harness.runtimes.base import Batch, Options, Outputs, Session, SessionError, TensorSpec, version_of
from harness.runtimes.inputs import concrete_shape

from .graph import Layer, channels_into

_DIMENSIONS = (2, 3, 4, 5)
"""Of an input, with the batch of one that ncnn leaves away."""


class Failed(Exception):
    """A call of ncnn that did not return 0; why is what it printed."""


def checked(code: int, what: str) -> None:
    """Raise Failed for any other code than 0."""
    if code != 0:
        raise Failed(f"{what} returned {code}")


class NcnnSession(Session):
    """Inputs are ncnn's own memory, which `prepare` fills through views; an inference is one new Extractor.

    Memory of NumPy's would not do: ncnn looks for a reference count behind it where the first layer works in place.
    """

    def __init__(self, library: Any, net: Any, layers: Sequence[Layer], options: Options) -> None:
        self._library, self._net, self._layers = library, net, layers
        self.inputs = tuple(_spec(layers, each, options) for each in layers if each.type == "Input")
        mats = {spec.name: library.Mat(concrete_shape(spec, options)[:0:-1]) for spec in self.inputs}
        self._views = {name: np.array(mat, copy=False) for name, mat in mats.items()}
        for view in self._views.values():
            view[...] = 0
        place = dict(zip(net.input_names(), net.input_indexes(), strict=True))
        self._feeds = [(place[name], mat) for name, mat in mats.items()]
        self._answers = [(index, library.Mat()) for index in net.output_indexes()]
        self._extractor = net.create_extractor
        for index, mat in self._answers:
            checked(self._fed().extract(index, mat), f"extract '{net.blobs()[index].name}'")

    def prepare(self, batch: Batch) -> None:
        """Copy into ncnn's memory."""
        for name, array in batch.items():
            np.copyto(self._views[name], array[0], casting="no")

    def infer(self) -> None:
        """One Extractor, which computes what its outputs need; SessionError where it fails: that would be quick."""
        extractor = self._fed()
        for index, mat in self._answers:
            if code := extractor.extract(index, mat):
                raise SessionError(f"extract returned {code}")

    def fetch(self) -> Outputs:
        """Copies of the outputs, with a batch of one."""
        return {
            name: np.array(mat)[np.newaxis]
            for name, (_, mat) in zip(self._net.output_names(), self._answers, strict=True)
        }

    def _fed(self) -> Any:
        extractor = self._extractor()
        for index, mat in self._feeds:
            extractor.input(index, mat)
        return extractor

    def info(self) -> dict[str, Any]:
        """Version, threads, and every option of the net that is a number or a switch."""
        option = self._net.opt
        values = {name: getattr(option, name) for name in dir(option) if not name.startswith("_")}
        return {
            "library": "ncnn",
            "version": version_of("ncnn"),
            "threads": option.num_threads,
            "options": {name: value for name, value in values.items() if isinstance(value, int)},
        }

    def execution(self) -> Execution:
        """From the blobs that the layers made."""
        from .layers import told_by

        return told_by(self._library, self._net, self._layers, self._fed())

    def profile(self, n: int) -> OperatorProfile | Missing:
        """From outside, layer by layer: the wheel is built without ncnn's own benchmark."""
        from .layers import profile

        return profile(self._library, self._net, self._layers, n, self._fed)


def _spec(layers: Sequence[Layer], layer: Layer, options: Options) -> TensorSpec:
    """A batch of one before the sizes, which come from the file or else from the user."""
    (name,) = layer.makes
    shape = (1, *layer.sizes) if layer.sizes else options.shapes.get(name, ())
    wanted = channels_into(layers, name)
    remedy = f"give it: --shape {name}=1x{wanted or 3}x224x224"
    if not shape:
        raise SessionError(f"the .param does not keep the shape of its input '{name}'", remedy)
    if len(shape) not in _DIMENSIONS or shape[0] != 1 or (wanted and shape[1] != wanted):
        raise SessionError(f"{'x'.join(map(str, shape))} is no shape of one image for input '{name}'", remedy)
    return TensorSpec(name, shape, "float32")
