"""TensorRT against a recorded imitation of it: what is built, what is kept, what is read back, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core import plugins
from harness.core.execution import OperatorProfile
from harness.core.quantity import Missing
from harness.runtimes.base import Adapter, Options, Session, SessionError
from harness.runtimes.tensorrt import cuda
from harness.runtimes.tensorrt.engine import execution
from tests.fakes.tensorrt import Fake

CONV = {
    "Name": "conv1",
    "LayerType": "CaskConvolution",
    "ParameterType": "Convolution",
    "Inputs": [{"Name": "x", "Format/Datatype": "Thirty-two wide channel vectorized row major Int8 format."}],
    "TacticName": "sm80_xmma_fprop_implicit_gemm_interleaved_i8i8_i8i32_f32",
}
GEMM = {"Name": "fc", "LayerType": "gemm", "Inputs": [{"Format/Datatype": "Half"}], "TacticName": "sm80_gemm_f16"}
DLA = {"Name": "{ForeignNode[fc]}", "LayerType": "DLA", "Inputs": [{"Format/Datatype": "Half"}]}
REFORMAT = {
    "Name": "copy",
    "LayerType": "Reformat",
    "ParameterType": "Reformat",
    "Inputs": [{"Format/Datatype": "Float"}],
}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Fake:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Fake().install(monkeypatch)


def net(path: Path, shape: list[int] | None = None, **network: Any) -> Path:
    layers = network.pop("layers", [["CONVOLUTION", "FLOAT"]])
    path.write_text(json.dumps({"inputs": {"x": shape or [-1, 4]}, "layers": layers, **network}))
    return path


def open_session(path: Path, name: str = "tensorrt", **settings: str) -> Session:
    adapter: Adapter = plugins.load("runtimes", name)
    return adapter.open(path, Options(settings=settings))


def test_an_inference_copies_in_runs_and_copies_out(fake: Fake, tmp_path: Path) -> None:
    session = open_session(net(tmp_path / "m.onnx"))
    for values in ([1, 2, 3, 4], [0, -5, 0.5, 6]):
        session.prepare({"x": np.float32([values])})
        before = len(fake.calls)
        session.infer()
        names = [call[0] for call in fake.calls[before:]]
        assert names == ["cudaMemcpyAsync", "execute_async_v3", "cudaMemcpyAsync", "cudaStreamSynchronize"]
        assert session.fetch()["y"].tolist() == [[2 * each for each in values]]
    told = session.info()
    assert (told["version"], told["device"], told["cuda"], told["driver"]) == ("10.3.0", "Orin", "12.6", "12.2")


@pytest.mark.parametrize(
    ("name", "layers", "settings", "flags"),
    [
        ("tensorrt", [["CONVOLUTION", "FLOAT"]], {}, []),
        ("tensorrt", [["CONVOLUTION", "FLOAT"]], {"tf32": "1"}, ["TF32"]),
        ("tensorrt", [["CAST", "HALF"], ["CONVOLUTION", "HALF"]], {}, ["FP16"]),
        ("tensorrt", [["QUANTIZE", "INT8"], ["CONVOLUTION", "FLOAT"]], {}, ["INT8"]),
        ("tensorrt-fp16", [["QUANTIZE", "INT8"], ["CONVOLUTION", "FLOAT"]], {}, ["FP16", "INT8"]),
        ("tensorrt-dla", [["CONVOLUTION", "FLOAT"]], {}, ["FP16", "GPU_FALLBACK"]),
        ("tensorrt-dla", [["CONVOLUTION", "FLOAT"]], {"gpu_fallback": "0"}, ["FP16"]),
    ],
)
def test_precision_flags(fake: Fake, tmp_path: Path, name: str, layers: Any, settings: Any, flags: list[str]) -> None:
    open_session(net(tmp_path / "m.onnx", layers=layers), name, **settings)
    assert [flag for (flag,) in fake.called("set_flag")] == flags
    assert fake.called("clear_flag") == [("TF32",)]
    assert fake.called("profiling_verbosity") == [("DETAILED",)]


def test_workspace_shapes_and_dla(fake: Fake, tmp_path: Path) -> None:
    open_session(net(tmp_path / "m.onnx"), "tensorrt-dla", workspace_mib="64")
    assert fake.called("set_memory_pool_limit") == [("WORKSPACE", 64 << 20)]
    assert fake.called("set_shape") == [("x", (1, 4), (1, 4), (1, 4))]
    assert (fake.called("default_device_type"), fake.called("DLA_core")) == ([("DLA",)], [(0,)])
    assert fake.called("deserialize") == [(0,)]
    open_session(net(tmp_path / "fixed.onnx", [2, 4]))
    assert len(fake.called("set_shape")) == 1


def test_an_engine_is_built_once_for_all_it_depends_on(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = net(tmp_path / "m.onnx")
    assert open_session(path).info()["engine"].startswith("built in ")
    assert open_session(path).info()["engine"] == "cached by an earlier build"
    assert (len(fake.called("create_network")), len(fake.called("build"))) == (1, 1)  # a builder holds much memory
    open_session(path, fp16="1")
    open_session(net(path, layers=[["CONVOLUTION", "FLOAT"]] * 2))
    assert len(fake.called("build")) == 3
    newer = Fake(version="10.7.0").install(monkeypatch)
    open_session(path)
    other_gpu = Fake(compute="7.2").install(monkeypatch)
    open_session(path)
    assert (len(newer.called("build")), len(other_gpu.called("build"))) == (1, 1)


def test_other_weights_beside_the_graph_are_another_engine(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, weights = net(tmp_path / "m.onnx"), tmp_path / "weights.bin"
    monkeypatch.setattr("harness.core.model_files.external_data.external_files", lambda _: [weights])
    for content in ("1", "1", "2", "1"):
        weights.write_text(content)
        open_session(path)
    assert len(fake.called("build")) == 2


def test_a_kept_engine_that_was_altered_is_built_again(fake: Fake, tmp_path: Path) -> None:
    path = net(tmp_path / "m.onnx")
    open_session(path)
    (engine,) = (tmp_path / "cache/edgebench/tensorrt").glob("*.engine")
    engine.write_bytes(b"native code of a stranger")
    assert open_session(path).info()["engine"].startswith("built in ")


def test_timings_of_earlier_builds_are_used(fake: Fake, tmp_path: Path) -> None:
    open_session(net(tmp_path / "a.onnx"))
    open_session(net(tmp_path / "b.onnx", [2, 4]))
    open_session(net(tmp_path / "c.onnx", [3, 4]), timing_cache="0")
    assert fake.called("create_timing_cache") == [(b"",), (b"timings",)]


def test_what_ran_is_read_from_the_inspector(fake: Fake, tmp_path: Path) -> None:
    ran = open_session(net(tmp_path / "m.onnx", inspected=[CONV, GEMM, REFORMAT])).execution()
    assert (ran.effective, ran.nodes, ran.findings) == ("fp16+int8", {"GPU": 3}, ())
    fake.detailed = False
    assert isinstance(open_session(tmp_path / "m.onnx").execution().effective, Missing)


def test_layers_that_the_dla_does_not_take_are_a_finding() -> None:
    ran = execution([DLA, CONV, REFORMAT], asked_dla=True)
    assert ran.nodes == {"DLA": 1, "GPU": 2}
    assert [(each.check, each.found) for each in ran.findings] == [
        ("fallback", "1 layers run on the GPU, 1 on the DLA")
    ]
    assert not execution([DLA, REFORMAT], asked_dla=True).findings


@pytest.mark.parametrize(
    ("told", "tactic", "precision"),
    [
        ("Row major linear FP32", "sm80_tf32f32", "tf32"),
        ("Float", "sm80_f32f32", "fp32"),
        ("Channel major FP16 format where channel % 8 == 0", "", "fp16"),
        ("BFloat16", "", "bf16"),
    ],
)
def test_the_names_of_types_in_its_versions(told: str, tactic: str, precision: str) -> None:
    layer = {**CONV, "Inputs": [{"Format/Datatype": told}], "TacticName": tactic}
    assert execution([layer], asked_dla=False).effective == precision


def test_operators_are_timed_by_its_profiler(fake: Fake, tmp_path: Path) -> None:
    profile = open_session(net(tmp_path / "m.onnx", inspected=[CONV, DLA])).profile(4)
    assert isinstance(profile, OperatorProfile)
    told = [(each.type, each.provider, each.duration_ns) for each in profile.operators]
    assert told == [("CaskConvolution", "GPU", 5e5), ("DLA", "DLA", 2.5e5)]


def test_an_engine_of_the_users_own_is_opened_as_it_is(fake: Fake, tmp_path: Path) -> None:
    built = {"version": "10.3.0", "compute": "8.7", "inputs": {"x": [1, 4]}}
    (tmp_path / "m.plan").write_text(json.dumps(built))
    session = open_session(tmp_path / "m.plan")
    assert (session.info()["engine"], fake.called("build")) == ("the file given", [])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (json.dumps({"version": "8.5.2", "compute": "8.7"}), "Version tag does not match"),
        (json.dumps({"version": "10.3.0", "compute": "7.2"}), "expecting compute 8.7 got compute 7.2"),
        ("no engine", "Magic tag does not match"),
    ],
)
def test_an_engine_made_elsewhere_is_refused(fake: Fake, tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "m.engine").write_text(content)
    with pytest.raises(SessionError, match=message) as raised:
        open_session(tmp_path / "m.engine")
    assert "give the .onnx" in raised.value.remedy


@pytest.mark.parametrize(
    ("name", "settings", "message", "remedy"),
    [
        ("tensorrt", {"precision": "fp16"}, "no option 'precision'", "fp16"),
        ("tensorrt", {"fp16": "yes"}, "fp16=yes is neither on nor off", "fp16=1"),
        ("tensorrt", {"workspace_mib": "-1"}, "workspace_mib=-1 is no number", "workspace_mib"),
        ("tensorrt-dla", {"dla_core": "1"}, "no DLA core 1 here: 1 in all", "tensorrt"),
    ],
)
def test_wrong_options_are_refused(
    fake: Fake, tmp_path: Path, name: str, settings: dict[str, str], message: str, remedy: str
) -> None:
    with pytest.raises(SessionError, match=message) as raised:
        open_session(net(tmp_path / "m.onnx"), name, **settings)
    assert remedy in raised.value.remedy


def test_what_cannot_be_built_is_refused_in_tensorrts_words(fake: Fake, tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="NonZero: no importer registered") as raised:
        open_session(net(tmp_path / "m.onnx", errors=["no importer registered for op: NonZero"]))
    assert raised.value.remedy
    fake.no_kernel = True
    with pytest.raises(SessionError, match="Could not find any implementation for node conv1") as raised:
        open_session(net(tmp_path / "n.onnx"))
    assert "workspace_mib" in raised.value.remedy
    with pytest.raises(SessionError, match="dimension 1 of input 'x'"):
        open_session(net(tmp_path / "o.onnx", [1, -1]))


@pytest.mark.parametrize(
    ("function", "code", "message", "remedy"),
    [
        ("cudaSetDevice", 100, "no CUDA-capable device", "group video"),
        ("cudaSetDevice", 35, "driver version is insufficient", "update the driver"),
        ("cudaMalloc", 2, "out of memory", "workspace_mib"),
    ],
)
def test_what_cuda_refuses_is_told(
    fake: Fake, tmp_path: Path, function: str, code: int, message: str, remedy: str
) -> None:
    fake.failing[function] = code
    with pytest.raises(SessionError, match=message) as raised:
        open_session(net(tmp_path / "m.onnx"))
    assert remedy in raised.value.remedy


@pytest.mark.parametrize("version", ["8.4.1", "11.0.0"])
def test_a_version_with_another_interface_is_refused(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    Fake(version=version).install(monkeypatch)
    with pytest.raises(SessionError, match=f"TensorRT {version} has another interface"):
        plugins.load("runtimes", "tensorrt").probe()


def test_the_probe_tells_versions_and_gpu(fake: Fake) -> None:
    told = plugins.load("runtimes", "tensorrt").probe()
    assert (told["version"], told["device"], told["compute_capability"]) == ("10.3.0", "Orin", "8.7")


def test_a_machine_without_cuda_is_told_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "SONAMES", ("libno-such-cudart.so",))
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    with pytest.raises(SessionError, match="none of libno-such-cudart") as raised:
        cuda.load()
    assert "nvidia-jetpack" in raised.value.remedy
