"""TensorFlow on the CPU: SavedModel folders and .keras files.

A SavedModel holds a program that running it executes; a .keras file is opened in safe mode, which takes no code of its
own. Both end as one graph for the shapes at hand with its variables as constants, called by `AtomicFunction.call_flat`
(tf.types.experimental), the leanest call there is: a frozen ConcreteFunction binds its arguments anew at each call.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.artifact import Format
from harness.core.execution import Execution, effective_precision
from harness.runtimes.base import (
    Adapter,
    Batch,
    Capability,
    Options,
    Outputs,
    Session,
    SessionError,
    TensorSpec,
    version_of,
)
from harness.runtimes.errors import Hint, explain_error
from harness.runtimes.inputs import concrete_shape
from harness.runtimes.outputs import named_arrays
from harness.runtimes.signatures import chosen, in_order

from .saved_model import signatures

SIGNATURE = "serving_default"


@dataclass(frozen=True)
class Net:
    """A model that was read.

    Attributes:
        call: Takes one tensor per input, in order.
        inputs: The inputs.
        signatures: See `Session.signatures`.
    """

    call: Callable[..., Any]
    inputs: tuple[TensorSpec, ...]
    signatures: tuple[str, ...] = ()


def saved_model(path: Path, options: Options) -> Net:
    """Read the signature of a SavedModel that is asked for, else its only one, else 'serving_default'."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    available = list(loaded.signatures)
    name = chosen(available, options, SIGNATURE)
    signature = loaded.signatures[name]
    _, specs = signature.structured_input_signature
    names = sorted(specs)

    def call(*tensors: Any) -> Any:
        function = loaded.signatures[name]  # by the loaded object, whose variables go with it
        return function(**dict(zip(names, tensors, strict=True)))

    inputs = tuple(_spec(each, specs[each].shape, specs[each].dtype.name, options) for each in names)
    return Net(call, inputs, in_order(available, name, options))


def keras_file(path: Path, options: Options) -> Net:
    """Read a Keras model in safe mode: no lambda layer, nothing that would run code from the file."""
    import keras
    import tensorflow as tf

    model = keras.saving.load_model(path, compile=False, safe_mode=True)
    if not getattr(model, "inputs", None):
        remedy = "give it a keras.Input, or call it once, and save it again"
        raise SessionError("the model has no inputs: it was saved before it was built", remedy)

    structure = model.inputs[0] if isinstance(model, keras.Sequential) else model.input

    def call(*tensors: Any) -> Any:
        return model(tf.nest.pack_sequence_as(structure, tensors), training=False)

    inputs = tuple(_spec(each.name, each.shape, each.dtype, options) for each in model.inputs)
    return Net(call, inputs)


_HELD = frozenset(
    {
        *("bool", "float16", "float32", "float64"),
        *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    }
)
"""Element types that NumPy and TensorFlow call alike and that they share through DLPack."""


def _spec(name: str, shape: Any, dtype: str, options: Options) -> TensorSpec:
    """Describe an input; SessionError where its type has no NumPy array, or its rank is unknown."""
    if dtype not in _HELD:
        raise SessionError(
            f"input '{name}' has type {dtype}, which no array can hold",
            "export the model without the step that takes it, so that its inputs are numeric tensors",
        )
    if getattr(shape, "rank", 0) is None:
        shape = (None,) * len(options.shapes.get(name, ()))
        if not shape:
            raise SessionError(f"input '{name}' has no shape", f"give it: --shape {name}=1x224x224x3")
    return TensorSpec(name, tuple(-1 if size is None else int(size) for size in shape), dtype)


_HINTS: tuple[Hint, ...] = (
    (
        "safe_mode|lambda",
        "it holds Python code, which is not run: build that layer from those of Keras",
    ),
    ("register_keras_serializable|locate class|Unknown layer", "it has layers of its own: export a SavedModel"),
    (
        "zip file|not accessible|File format|deserializ",
        "no whole .keras file: model.save('name.keras') again",
    ),
    ("does not exist|parse|saved_model|variables", "the folder is damaged or not complete: export it again"),
    (
        r"Op type not registered '((TFText>|Sentencepiece|Wordpiece|\w*Tokenize)[^']*)'",
        r"\1 is an operator of tensorflow-text, which is not loaded here: export without the text step",
    ),
    (r"Op type not registered '([^']+)'", r"\1 is an operator of another package than TensorFlow: export without it"),
    ("DT_RESOURCE", "it keeps a table or another resource, which a frozen graph cannot: export it without"),
    ("after initialization", "one process of TensorFlow has one number of threads"),
)
_ELEMENTS = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16", "float64": "fp64", "int8": "int8"}
_ARITHMETIC = re.compile("Conv[23]D|DepthwiseConv2dNative|MatMul|Einsum")
_ASSIGNMENT = re.compile(
    "Assign.*VariableOp|Assign(Add|Sub)?$|ResourceApply|ResourceScatter|Rng(ReadAnd)?Skip|LookupTable(Insert|Remove)"
)
_EXECUTED_NEVER = frozenset({"Const", "Placeholder", "NoOp", "Identity"})
_ALIGNED = 64
"""Alignment in bytes of memory that TensorFlow can share (EIGEN_MAX_ALIGN_BYTES)."""


class TensorFlow(Adapter):
    """TensorFlow for one of the two formats, which `read` opens."""

    def __init__(self, name: str, capability: Capability, read: Callable[[Path, Options], Net]) -> None:
        self.name = name
        self.capability = capability
        self._read = read

    def signatures(self, path: Path) -> tuple[str, ...]:
        """Return the signatures of a SavedModel; a Keras file has none."""
        return signatures(path) if path.is_dir() else ()

    def load_library(self) -> None:
        """Import TensorFlow, with Keras on it whatever the user's own configuration says."""
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        os.environ["KERAS_BACKEND"] = "tensorflow"
        super().load_library()

    def open(self, path: Path, options: Options) -> TensorFlowSession:
        """Load, trace for the shapes at hand and freeze, with a pool of `options.threads` threads."""
        self.load_library()
        try:
            _configure(options.threads)
            return TensorFlowSession(self._read(path, options), options)
        except Exception as error:  # TensorFlow's and Keras' errors share no base
            raise explain_error("tensorflow", error, _HINTS) from error

    def probe(self) -> dict[str, Any]:
        """Return the versions of TensorFlow and Keras."""
        self.load_library()
        import keras

        return {"library": "tensorflow", "version": version_of("tensorflow"), "keras": keras.__version__}


class TensorFlowSession(Session):
    """The input tensors share the memory of buffers of ours; outputs are what the last call returned."""

    def __init__(self, net: Net, options: Options) -> None:
        import tensorflow as tf

        self.inputs, self._signatures, self._signature = net.inputs, net.signatures, options.signature
        shapes = [concrete_shape(spec, options) for spec in net.inputs]
        self._buffers = {spec.name: _aligned(shape, spec.dtype) for spec, shape in zip(net.inputs, shapes, strict=True)}
        specs = [tf.TensorSpec(each.shape, each.dtype) for each in self._buffers.values()]
        traced = tf.function(net.call, autograph=False).get_concrete_function(*specs)
        _refuse_state(traced.graph.as_graph_def())
        self._names = _names(traced.structured_outputs, len(traced.outputs))
        self._frozen = _freeze(traced)
        tensors = [tf.experimental.dlpack.from_dlpack(each.__dlpack__()) for each in self._buffers.values()]
        self._call = partial(self._frozen.inference_fn.call_flat, *tensors)
        self._outputs = self._call()

    @property
    def signatures(self) -> tuple[str, ...]:
        """Where none is asked for: the signature that runs, then the others."""
        return self._signatures

    def prepare(self, batch: Batch) -> None:
        """Copy into the buffers that the tensors share."""
        for name, array in batch.items():
            np.copyto(self._buffers[name], array, casting="no")

    def infer(self) -> None:
        """Call the model once, synchronous as all eager calls on the CPU are."""
        self._outputs = self._call()

    def fetch(self) -> Outputs:
        """Return copies of the outputs."""
        return named_arrays(self._names, self._outputs, np.array)

    def info(self) -> dict[str, Any]:
        """Return versions, what TensorFlow was built with, and the sizes of its two thread pools."""
        import tensorflow as tf

        return {
            "library": "tensorflow",
            "version": tf.__version__,
            "build": {key: str(value) for key, value in tf.sysconfig.get_build_info().items()},
            "threads": tf.config.threading.get_intra_op_parallelism_threads(),
            "inter_op_threads": tf.config.threading.get_inter_op_parallelism_threads(),
            "options": {"TF_ENABLE_ONEDNN_OPTS": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "the build's default")},
            **({"signature": self._signature} if self._signature else {}),
        }

    def execution(self) -> Execution:
        """Read back precision from the frozen graph's types: TensorFlow's CPU kernels compute in the type they take."""
        import tensorflow as tf

        nodes = [node for node in self._frozen.graph.as_graph_def().node if node.op not in _EXECUTED_NEVER]
        types = [tf.dtypes.as_dtype(node.attr["T"].type).name for node in nodes if _ARITHMETIC.search(node.op)]
        return Execution(
            effective=effective_precision(_ELEMENTS.get(each, each) for each in types),
            evidence="element types of the convolutions and matrix products of the frozen graph",
            nodes={"TensorFlow": len(nodes)},
        )


def _configure(threads: int) -> None:
    """Use the CPU alone and run operators one by one with `threads` threads each; call before TensorFlow starts."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.set_visible_devices([], "GPU")


def _freeze(traced: Any) -> Any:
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    return convert_variables_to_constants_v2(traced)


def _refuse_state(graph: Any) -> None:
    """Refuse a graph that assigns to variables: freezing makes constants of them.

    Raises:
        SessionError: The graph, or a function it calls, assigns to a variable.
    """
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    assigning = sorted({node.op for node in nodes if _ASSIGNMENT.match(node.op)})
    if assigning:
        raise SessionError(
            f"the model changes its variables in an inference ({', '.join(assigning)}), which a frozen graph cannot",
            "export it with its state as inputs and outputs, or convert it to .tflite, whose state is kept",
        )


def _names(outputs: Any, count: int) -> list[str]:
    """Return the names of the `count` flattened outputs: their keys, else their places."""
    keys = sorted(outputs) if isinstance(outputs, dict) else []
    return keys if len(keys) == count else [f"output{place}" for place in range(count)]


def _aligned(shape: tuple[int, ...], dtype: str) -> np.ndarray[Any, Any]:
    """Return zeros that TensorFlow can share: NumPy aligns to 16 bytes only."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.zeros(size + _ALIGNED, np.uint8)
    start = -memory.ctypes.data % _ALIGNED
    return memory[start : start + size].view(dtype).reshape(shape)


def _capability(file_format: Format, note: str) -> Capability:
    return Capability(
        formats=(file_format,),
        modules=("tensorflow",),
        install="pip install tensorflow",
        computes={"fp32": "fp32"},
        architectures=("x86_64", "aarch64", "arm64"),
        note=f"{note}; make the files with edgebench prepare",
    )


SAVED_MODEL = TensorFlow(
    "tensorflow", _capability("savedmodel", "a SavedModel from a stranger is a program: open none"), saved_model
)
KERAS = TensorFlow("keras", _capability("keras", "opened in safe mode: no lambda layers"), keras_file)

PLUGINS: tuple[Adapter, ...] = (SAVED_MODEL, KERAS)
