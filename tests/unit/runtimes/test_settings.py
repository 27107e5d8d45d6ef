"""Options on their way to a library, and outputs on their way back: what the user asks for wins, copies stay."""

from __future__ import annotations

import ctypes.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from harness.core import plugins
from harness.runtimes import inputs
from harness.runtimes.base import Adapter, Options
from harness.runtimes.litert import adapter as litert
from harness.runtimes.litert.adapter import LIBRARY, LiteRtSession
from harness.runtimes.onnxruntime.adapter import GraphFacts
from harness.runtimes.onnxruntime.providers import PROVIDERS
from suites.artifacts import catalog
from tests.onnx_bytes import UINT8, described, model

NET = catalog.ARTIFACTS / "mobilenet_v2-0.35-32"


def facts(provider: str, threads: int = 3, **settings: str) -> GraphFacts:
    return GraphFacts(Path("m.onnx"), PROVIDERS[provider], Options(threads, settings=settings))


def test_fp32_on_a_gpu_is_fp32_unless_the_user_says_otherwise() -> None:
    assert facts("cuda").provider_options == {"use_tf32": "0"}
    assert facts("cuda", use_tf32="1", device_id="1").provider_options == {"use_tf32": "1", "device_id": "1"}


@pytest.mark.parametrize(("provider", "threads"), [("cpu", 3), ("cuda", 3), ("xnnpack", 1), ("openvino", 1)])
def test_one_of_two_thread_pools_is_as_large_as_asked(provider: str, threads: int) -> None:
    pytest.importorskip("onnxruntime")
    one = facts(provider)
    assert (one.settings().intra_op_num_threads, one.settings().inter_op_num_threads) == (threads, 1)
    own = PROVIDERS[provider].threads_option
    assert one.provider_options.get(own) == ("3" if own else None)


def test_a_delegate_gets_its_own_options_and_not_the_path_of_its_library() -> None:
    library = ctypes.util.find_library("c")
    assert library is not None
    given: list[Any] = []
    module = SimpleNamespace(
        OpResolverType=SimpleNamespace(BUILTIN_WITHOUT_DEFAULT_DELEGATES="plain"),
        load_delegate=lambda *arguments: given.append(arguments) or "loaded",
    )
    how = litert.DELEGATE._delegation(module, {LIBRARY: library, "cache_dir": "/tmp/c"})
    assert given == [(library, {"cache_dir": "/tmp/c"})]
    assert how == {"experimental_op_resolver_type": "plain", "experimental_delegates": ["loaded"]}
    assert litert.REFERENCE._delegation(module, {}) == {"experimental_op_resolver_type": "plain"}
    assert litert.XNNPACK._delegation(module, {}) == {}


class Interpreter:
    """One net that gives what it takes, of 8 bits with a scale of a half and 3 for 0."""

    detail: dict[str, Any] = {"name": "x", "index": 0, "shape": np.array([1, 4]), "dtype": np.uint8}  # noqa: RUF012

    def __init__(self) -> None:
        self.detail = {**self.detail, "quantization": (0.5, 3)}
        self.tensor = np.zeros((1, 4), np.uint8)

    def get_input_details(self) -> list[dict[str, Any]]:
        return [self.detail]

    get_output_details = get_input_details

    def allocate_tensors(self) -> None:
        pass

    invoke = allocate_tensors

    def set_tensor(self, _: int, array: np.ndarray) -> None:
        self.tensor = array.copy()

    def get_tensor(self, _: int) -> np.ndarray:
        return self.tensor.copy()


def test_litert_gives_numbers_and_takes_them_in_the_scale_of_the_tensor() -> None:
    session = LiteRtSession(litert.XNNPACK, "ai_edge_litert", Interpreter, Path("m.tflite"), Options())
    (spec,) = session.inputs
    numbers = np.float32([[-1.5, 0.0, 2.5, 126.0]])
    assert spec.encode(numbers).tolist() == [[0, 3, 8, 255]]
    session.prepare({"x": spec.encode(numbers)})
    session.infer()
    assert session.fetch()["x"].tolist() == numbers.tolist()


@pytest.mark.parametrize("name", ["onnxruntime-cpu", "openvino-cpu"])
def test_the_scales_of_an_onnx_file_are_those_of_its_input_and_output(name: str, tmp_path: Path) -> None:
    pytest.importorskip("openvino" if name == "openvino-cpu" else "onnxruntime")
    net = model("Identity", {"x": (UINT8, [1, 4])}, (UINT8, [1, 4]))
    told = {inputs.key("x"): inputs.with_quantization(0.5, 3), inputs.key("y"): inputs.with_quantization(0.25, 128)}
    (tmp_path / "m.onnx").write_bytes(described(net, told))
    adapter: Adapter = plugins.load("runtimes", name)
    session = adapter.open(tmp_path / "m.onnx", Options())
    (spec,) = session.inputs
    assert (spec.scale, spec.zero_point) == (0.5, 3)
    session.prepare({spec.name: np.uint8([[0, 3, 128, 255]])})
    session.infer()
    (found,) = session.fetch().values()
    assert (found.dtype, found.tolist()) == (np.float32, [[-32, -31.25, 0, 31.75]])


@pytest.mark.parametrize(
    ("name", "file"),
    [("onnxruntime-cpu", "fp32.onnx"), ("litert-xnnpack", "fp32.tflite"), ("openvino-cpu", "fp32.onnx")],
)
def test_outputs_that_were_fetched_stay_and_the_next_input_has_its_own(name: str, file: str) -> None:
    pytest.importorskip("openvino" if name == "openvino-cpu" else "numpy")
    adapter: Adapter = plugins.load("runtimes", name)
    session = adapter.open(NET / file, Options())
    (spec,) = session.inputs
    fetched, kept = [], []
    for seed in (1, 2, 1):
        image = np.random.default_rng(seed).random((1, 32, 32), np.float32)
        session.prepare({spec.name: image.reshape([1 if isinstance(d, str) else abs(d) for d in spec.shape])})
        session.infer()
        fetched.append(next(iter(session.fetch().values())))
        kept.append(fetched[-1].copy())
    for now, then in zip(fetched, kept, strict=True):
        np.testing.assert_array_equal(now, then)
    assert not np.array_equal(kept[0], kept[1])
    np.testing.assert_array_equal(kept[0], kept[2])
