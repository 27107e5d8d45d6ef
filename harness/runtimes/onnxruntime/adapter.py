"""ONNX Runtime, one adapter per execution provider."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.core.artifact import format_of
from harness.core.printable import escape_surrogates
from harness.runtimes import inputs
from harness.runtimes.base import (
    Adapter,
    Batch,
    Options,
    Outputs,
    Session,
    SessionError,
    TensorSpec,
    import_library,
    installed,
)
from harness.runtimes.errors import explain_error
from harness.runtimes.inputs import concrete_shape
from harness.runtimes.outputs import named_arrays, unique_names

from .hints import EXTENSIONS, EXTENSIONS_DOMAIN, HINTS, OPERATORS
from .providers import CPU as CPU_PROVIDER
from .providers import PROVIDERS, SESSION, Provider

if TYPE_CHECKING:
    import onnxruntime as ort

    from harness.core.execution import Execution, OperatorProfile
    from harness.core.quantity import Missing
    from harness.core.verdict import Finding
    from harness.runtimes.graph_counts import Counts


_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
    "tensor(int16)": "int16",
    "tensor(uint16)": "uint16",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(uint32)": "uint32",
    "tensor(uint64)": "uint64",
    "tensor(bool)": "bool",
}

_STRINGS = "tensor(string)"
_ELEMENT = re.compile(r"(?<!\w)tensor\(\w+\)(?!.*tensor)")
"""The innermost tensor of a type such as seq(map(int64,tensor(float))); a sparse_tensor is none."""
_SHAPE_CHANGED = re.compile("provided for output|invalid dimensions for output")
_SHOWN = 3

BATCH = "batch"
"""Name of the dimension that is known before a session opens."""


class OnnxRuntime(Adapter):
    """ONNX Runtime with one execution provider; what that does not take, the CPU provider runs."""

    def __init__(self, short: str) -> None:
        self.name = f"onnxruntime-{short}"
        self.provider = PROVIDERS[short]
        self.capability = self.provider.capability

    def open(self, path: Path, options: Options) -> OnnxSession:
        """Load the graph with every optimisation, sequential execution and `options.threads` intra-op threads."""
        self._need_provider()
        library = options.settings.get(OPERATORS, "")
        if library and not Path(library).is_file():
            raise SessionError(f"no such library of operators: {library}", f"{OPERATORS}=PATH is that of an .so file")
        facts = GraphFacts(path, self.provider, options, operators=(library,) if library else ())
        try:
            return self._session(facts)
        except Exception as error:  # onnxruntime's exceptions share no base but Exception
            raise explain_error("onnxruntime", error, HINTS) from error

    def _session(self, facts: GraphFacts) -> OnnxSession:
        """Return a session; with the operators of onnxruntime-extensions where the file has some of them."""
        try:
            return OnnxSession(facts)
        except Exception as error:  # as above
            if EXTENSIONS_DOMAIN not in str(error) or not installed(EXTENSIONS):
                raise
            path = import_library(EXTENSIONS, "pip install onnxruntime-extensions").get_library_path()
            return OnnxSession(replace(facts, operators=(*facts.operators, path)))

    def probe(self) -> dict[str, Any]:
        """Return version, build and the providers of this build."""
        import onnxruntime as ort

        self._need_provider()
        build = {"build": ort.get_build_info(), "providers": ort.get_available_providers()}
        return {"library": "onnxruntime", "version": ort.__version__, **build}

    def _need_provider(self) -> None:
        import onnxruntime as ort

        self.load_library()
        known = ort.get_available_providers()
        if self.provider.name not in known:
            reason = f"this onnxruntime {ort.__version__} has no {self.provider.name}, only {', '.join(known)}"
            raise SessionError(reason, self.capability.install)


@dataclass(frozen=True)
class GraphFacts:
    """What a session is made from, so that a second one under the profiler is the same.

    Attributes:
        operators: Paths of libraries of operators beside ONNX Runtime's own.
    """

    path: Path
    provider: Provider
    options: Options
    operators: tuple[str, ...] = ()

    @property
    def provider_options(self) -> dict[str, str]:
        """The provider's own options, overridden by the user's, with its own thread pool as large as requested."""
        pool = {self.provider.threads_option: str(self.options.threads)} if self.provider.threads_option else {}
        not_its_own = {OPERATORS, *self.session_options}
        own = {key: value for key, value in self.options.settings.items() if key not in not_its_own}
        return {**self.provider.options, **pool, **own}

    @property
    def session_options(self) -> dict[str, str]:
        """Those of the user's options that belong to the session: 'session.set_denormal_as_zero' and its like."""
        return {key: value for key, value in self.options.settings.items() if key.startswith(SESSION)}

    def settings(self) -> ort.SessionOptions:
        """Return settings for sequential execution, every optimisation (the default) and `options.threads` threads.

        A provider with threads of its own leaves one to ONNX Runtime, which must not spin beside them.
        """
        import onnxruntime as ort

        settings = ort.SessionOptions()
        settings.intra_op_num_threads = 1 if self.provider.threads_option else self.options.threads
        settings.inter_op_num_threads = 1
        settings.log_severity_level = 3
        for library in self.operators:
            settings.register_custom_ops_library(library)
        if format_of(self.path) == "ort":  # whatever its name
            settings.add_session_config_entry("session.load_model_format", "ORT")
        for key, value in self.session_options.items():
            settings.add_session_config_entry(key, value)
        if self.provider.threads_option:
            settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if not self.options.shapes:  # a batch known beforehand lets the optimiser plan memory once
            settings.add_free_dimension_override_by_name(BATCH, self.options.batch)
        return settings

    def open(self, settings: ort.SessionOptions) -> ort.InferenceSession:
        """Open a session; SessionError where ONNX Runtime cannot take the name or silently left the provider out."""
        import onnxruntime as ort

        if escape_surrogates(str(self.path)) != str(self.path):
            raise SessionError("ONNX Runtime opens no file whose path is not UTF-8", "rename the file or its folder")
        first = (self.provider.name, self.provider_options) if self.provider_options else self.provider.name
        providers = [first] if self.provider.name == CPU_PROVIDER else [first, CPU_PROVIDER]
        session = ort.InferenceSession(str(self.path), settings, providers=providers)
        if self.provider.name not in session.get_providers():
            reason = f"{self.provider.name} did not start, ONNX Runtime would have used {session.get_providers()}"
            raise SessionError(reason, "its driver or libraries are missing or too old: see `edgebench runtimes`")
        return session


class OnnxSession(Session):
    """Inputs lie in buffers of our own. Outputs are bound once where their shapes are fixed, so that infer is one call.

    A bound output keeps the memory of the first inference: one whose shape depends on the input's values, and one that
    is no tensor (a sequence, a map, strings), is returned by a plain run instead.
    """

    def __init__(self, facts: GraphFacts) -> None:
        self._facts = facts
        self._session = session = facts.open(facts.settings())
        self._metadata = session.get_modelmeta().custom_metadata_map
        self.inputs = tuple(self._spec(node) for node in session.get_inputs())
        self._buffers = {spec.name: np.zeros(concrete_shape(spec, facts.options), spec.dtype) for spec in self.inputs}
        self._nodes = session.get_outputs()
        self._names = unique_names([node.name for node in self._nodes], "output")
        self._values: list[Any] = []
        self._unbound = _why_unbound(session.get_inputs(), self._nodes)
        self._binding = None if self._unbound else self._bound()
        self._run = self._run_plain if self._unbound else self._run_bound

    def _bound(self) -> ort.IOBinding:
        import onnxruntime as ort

        binding = self._session.io_binding()
        for name, buffer in self._buffers.items():
            binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(buffer))  # shares the buffer's memory
        for node in self._nodes:
            binding.bind_output(node.name)
        return binding

    def _spec(self, node: Any) -> TensorSpec:
        if node.type not in _DTYPES:
            raise SessionError(
                f"input '{node.name}' has type {node.type}, which no array can hold",
                "export the model without the step that takes it, so that its inputs are numeric tensors",
            )
        shape = tuple(-1 if size is None else size for size in node.shape)
        return TensorSpec(node.name, shape, _DTYPES[node.type], *inputs.read_quantization(self._metadata, node.name))

    def prepare(self, batch: Batch) -> None:
        """Copy into the input buffers."""
        for name, array in batch.items():
            np.copyto(self._buffers[name], array, casting="no")

    def infer(self) -> None:
        """Run once on the input buffers."""
        self._run()

    def _run_bound(self) -> None:
        """Run on bound outputs; plainly from now on where a shape changed although the graph declares it fixed."""
        try:
            self._session.run_with_iobinding(self._binding)
        except Exception as error:  # onnxruntime's exceptions share no base but Exception
            if not _SHAPE_CHANGED.search(str(error)):
                raise
            self._unbound = "an output has another shape than the graph declares"
            self._run = self._run_plain
            self._run()

    def _run_plain(self) -> None:
        self._values = self._plain_run()

    @cached_property
    def _plain_run(self) -> Callable[[], list[Any]]:
        """The call below InferenceSession.run, which checks its arguments for three times as long as this takes."""
        native = getattr(self._session, "_sess", self._session)
        return partial(native.run, [node.name for node in self._nodes], self._buffers, None)

    def fetch(self) -> Outputs:
        """Return copies of the outputs; integers with a scale as the float32 they stand for."""
        values = self._values if self._unbound else self._binding.copy_outputs_to_cpu()  # type: ignore[union-attr]
        arrays = named_arrays(self._names, values)
        return {name: self._dequantized(name, array) for name, array in arrays.items()}

    def _dequantized(self, name: str, array: NDArray[Any]) -> NDArray[Any]:
        return inputs.dequantize(array, *inputs.read_quantization(self._metadata, name))

    def findings(self) -> tuple[Finding, ...]:
        """Add that outputs are not bound, where they are not."""
        if not self._unbound:
            return super().findings()
        from harness.core.verdict import Finding

        words = f"outputs are not bound but allocated by every inference, which its latency includes: {self._unbound}"
        return (*super().findings(), Finding("outputs", "warn", words, "compare it with cases that ran the same way"))

    def info(self) -> dict[str, Any]:
        """Return version, build, providers in force with their options, and threads."""
        import onnxruntime as ort

        return {
            "library": "onnxruntime",
            "version": ort.__version__,
            "build": ort.get_build_info(),
            "providers": self._session.get_providers(),
            "options": {name: dict(each) for name, each in self._session.get_provider_options().items() if each},
            **({"session": self._facts.session_options} if self._facts.session_options else {}),
            "threads": self._facts.options.threads,
            **({"operators": list(self._facts.operators)} if self._facts.operators else {}),
            "outputs": f"not bound: {self._unbound}" if self._unbound else "bound",
        }

    def execution(self) -> Execution:
        """Read back precision and providers from the kernels of a profiled inference."""
        from harness.core.execution import Execution
        from harness.core.quantity import Missing

        from .profiler import arena_bytes, read, read_execution, trace

        text = trace(self._facts.open, self._facts.settings(), self._buffers, 1)
        profiled = read(text, self._facts.provider.name, 1)
        execution = Execution(effective=profiled) if isinstance(profiled, Missing) else read_execution(profiled)
        return replace(execution, arena_bytes=arena_bytes(text))

    def counts(self) -> Counts | Missing:
        """Count the graph without optimisations, with the shapes ONNX Runtime infers."""
        from .counts import counts, symbols

        return counts(self._facts.path, {BATCH: self._facts.options.batch, **symbols(self._session, self._buffers)})

    def constants(self) -> Iterator[NDArray[np.float32]]:
        """Yield the fp32 initializers of the graph without optimisations."""
        from .counts import constants

        return constants(self._facts.path)

    def profile(self, n: int) -> OperatorProfile | Missing:
        """Profile by ONNX Runtime's profiler, which is on or off for a session's whole life."""
        from .profiler import read, trace

        text = trace(self._facts.open, self._facts.settings(), self._buffers, n)
        return read(text, self._facts.provider.name, n)


def _why_unbound(input_nodes: Sequence[Any], output_nodes: Sequence[Any]) -> str:
    """Return why outputs cannot keep their memory from one inference to the next; '' where they can.

    A dimension is fixed when it is a number, or has the name of a dimension of an input.

    Raises:
        SessionError: An output has a type that NumPy lacks.
    """
    known = {size for node in input_nodes for size in node.shape if isinstance(size, str)}
    names = [node.name for node in output_nodes]
    reasons = ["two outputs have one name"] if len(set(names)) < len(names) else []
    for node in output_nodes:
        element = _ELEMENT.search(node.type)
        if element is None or (element[0] not in _DTYPES and element[0] != _STRINGS):
            reason = f"output '{node.name}' has type {node.type}, which no array can hold"
            raise SessionError(reason, "add a Cast to float to the model")
        if node.type not in _DTYPES:
            reasons.append(f"output '{node.name}' is a {node.type}")
        elif any(not isinstance(size, int) and size not in known for size in node.shape):
            reasons.append(f"the shape of output '{node.name}' depends on the input's values")
    return "; ".join(reasons[:_SHOWN])


PLUGINS: tuple[Adapter, ...] = tuple(map(OnnxRuntime, PROVIDERS))
