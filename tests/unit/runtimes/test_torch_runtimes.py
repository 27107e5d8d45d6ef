"""TorchScript and ExecuTorch: files made from the shipped .onnx, the same answers, precision read back, refusals."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from harness.core import plugins
from harness.core.errors import UsageError
from harness.core.execution import OperatorProfile
from harness.core.quantity import Value
from harness.runtimes.base import Adapter, Options, Session, SessionError
from harness.runtimes.torch.arrays import to_array
from suites.artifacts import catalog
from suites.preparation.convert import CONVERTERS, ConversionRequest
from tests.outputs import compare

pytestmark = [pytest.mark.prepare, pytest.mark.filterwarnings("ignore")]  # torch's and executorch's own
MODEL = "mobilenet_v2-0.35-32"
FLOAT = catalog.ARTIFACTS / MODEL / "fp32.onnx"


def runtime(name: str) -> Adapter:
    found: Adapter = plugins.load("runtimes", name)
    return found


def outputs(session: Session) -> np.ndarray:
    (spec,) = session.inputs
    rows = []
    for image in np.random.default_rng(0).random((8, 1, 1, 32, 32), np.float32):
        session.prepare({spec.name: image})
        session.infer()
        rows.append(next(iter(session.fetch().values())).ravel())
    return np.stack(rows)


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch")
    out = tmp_path_factory.mktemp("made") / "fp32.pt"
    CONVERTERS["torchscript"].convert(ConversionRequest(MODEL, "fp32", FLOAT, out))
    return out


def test_torchscript_answers_as_the_reference_does(scripted: Path) -> None:
    session = runtime("torchscript").open(scripted, Options(threads=2))
    found = compare(outputs(session), outputs(runtime("onnxruntime-cpu").open(FLOAT, Options())))
    assert isinstance(found["fidelity_sqnr_db"], Value)
    assert found["fidelity_sqnr_db"].value > 100
    assert session.info()["threads"] == 2
    assert session.execution().effective == "fp32"
    profile = session.profile(4)
    assert isinstance(profile, OperatorProfile)
    assert any("conv" in each.type for each in profile.operators)


def test_torchscript_of_a_stranger_needs_its_shape(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(torch.nn.Linear(3, 2), torch.zeros(1, 3)), tmp_path / "m.pt")
    with pytest.raises(SessionError, match="does not hold the shape") as raised:
        runtime("torchscript").open(tmp_path / "m.pt", Options())
    name = raised.value.remedy.partition("--shape ")[2].partition("=")[0]
    session = runtime("torchscript").open(tmp_path / "m.pt", Options(shapes={name: (1, 3)}))
    session.infer()
    assert next(iter(session.fetch().values())).shape == (1, 2)


@pytest.mark.parametrize("content", [b"", b"no zip archive"])
def test_what_is_no_torchscript_is_refused(tmp_path: Path, content: bytes) -> None:
    pytest.importorskip("torch")
    (tmp_path / "m.pt").write_bytes(content)
    with pytest.raises(SessionError, match="torch cannot run it"):
        runtime("torchscript").open(tmp_path / "m.pt", Options())


@pytest.mark.parametrize("kind", ["torchscript", "executorch"])
def test_an_unsupported_setting_is_refused_with_the_supported_ones(kind: str) -> None:
    with pytest.raises(UsageError, match="does not support int8-dynamic") as raised:
        CONVERTERS[kind].source_setting("int8-dynamic")  # type: ignore[index]
    assert "fp32" in raised.value.remedy


def test_a_pruned_net_is_not_the_plain_one(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pruned = catalog.ARTIFACTS / MODEL / "channel-pruned-50.onnx"
    with pytest.raises(UsageError, match="is not the plain"):
        CONVERTERS["torchscript"].convert(ConversionRequest(MODEL, "fp32", pruned, tmp_path / "m.pt"))


def test_executorch_answers_as_the_reference_does(tmp_path: Path) -> None:
    pytest.importorskip("executorch")
    out = tmp_path / "fp32.pte"
    CONVERTERS["executorch"].convert(ConversionRequest(MODEL, "fp32", FLOAT, out))
    session = runtime("executorch").open(out, Options())
    found = compare(outputs(session), outputs(runtime("onnxruntime-cpu").open(FLOAT, Options())))
    assert isinstance(found["fidelity_sqnr_db"], Value)
    assert found["fidelity_sqnr_db"].value > 100
    assert session.info()["threads"] == 1
    ran = session.execution()
    assert ran.effective == "fp32"
    assert ran.nodes["XnnpackBackend"] > 50


def test_executorch_refuses_what_is_no_program(tmp_path: Path) -> None:
    pytest.importorskip("executorch")
    (tmp_path / "m.pte").write_bytes(b"no program" * 10)
    with pytest.raises(SessionError, match="executorch cannot run it") as raised:
        runtime("executorch").open(tmp_path / "m.pte", Options())
    assert "damaged" in raised.value.remedy


class TestStateAndContainers:
    """What a module keeps, and what it returns that is no tensor."""

    def test_an_attribute_that_is_set_or_changed_in_place_is_state(self, tmp_path: Path) -> None:
        torch = pytest.importorskip("torch")
        path = tmp_path / "m.pt"
        for body in ("self.h = x", "self.h.copy_(x)", "self.h[:, :1].copy_(x[:, :1])"):
            source = f"def forward(self, x):\n    y = x + 10 * self.h\n    {body}\n    return y\n"
            module = type("Keeping", (torch.nn.Module,), {})()
            module.register_buffer("h", torch.zeros(1, 2))
            scripted = torch.jit.script(module)
            scripted.define(source)
            scripted.save(str(path))
            session = runtime("torchscript").open(path, Options(shapes={"x": (1, 2)}))
            assert session.state == ("h",)
            carried = [first(session, value) for value in (1, 2, 3)]
            assert carried == [1, 12, 23]
            assert [first(session, value, reset=True) for value in (1, 2, 3)] == [1, 2, 3]

    def test_a_dictionary_of_outputs_is_an_output_per_key(self, tmp_path: Path) -> None:
        torch = pytest.importorskip("torch")
        scripted = torch.jit.script(torch.nn.Module())
        scripted.define("def forward(self, x):\n    return {'a': x, 'b': x + 1}\n")
        scripted.save(str(tmp_path / "m.pt"))
        session = runtime("torchscript").open(tmp_path / "m.pt", Options(shapes={"x": (1, 2)}))
        session.prepare({"x": np.float32([[1, 2]])})
        session.infer()
        fetched = {name: array.tolist() for name, array in session.fetch().items()}
        assert fetched == {"output0.a": [[1, 2]], "output0.b": [[2, 3]]}


def first(session: Session, value: float, reset: bool = False) -> float:
    """The first output for an input of this value, from the initial state where `reset`."""
    if reset:
        session.reset_state()
    session.prepare({"x": np.full((1, 2), value, np.float32)})
    session.infer()
    return float(next(iter(session.fetch().values())).ravel()[0])


def test_tensors_of_types_that_numpy_lacks_become_those_they_stand_for() -> None:
    torch = pytest.importorskip("torch")
    plain = torch.tensor([[1.0, -2.5, 0.0]])
    for tensor in (plain.to(torch.bfloat16), torch.quantize_per_tensor(plain, 0.5, 0, torch.qint8), plain.to_sparse()):
        array = to_array(tensor)
        assert (array.dtype.name, array.tolist()) == ("float32", [[1.0, -2.5, 0.0]])
    assert to_array(torch.zeros(0, 2, dtype=torch.int64)).shape == (0, 2)
