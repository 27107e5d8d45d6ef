"""MNN on a shipped net that its own tools converted: answers, precision, int8, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.core import plugins
from harness.core.errors import UsageError
from harness.core.execution import OperatorProfile
from harness.core.quantity import Value
from harness.runtimes.base import Adapter, Options, Session, SessionError
from harness.runtimes.mnn import adapter
from suites.artifacts import catalog
from suites.preparation.convert import CONVERTERS, ConversionRequest
from tests.onnx_bytes import FLOAT as FLOAT_ELEMENTS
from tests.onnx_bytes import model, network
from tests.outputs import compare

pytest.importorskip("MNN")

MODEL = "mobilenet_v2-0.35-32"
FLOAT = catalog.ARTIFACTS / MODEL / "fp32.onnx"
IMAGES = np.random.default_rng(0).random((8, 1, 32, 32), np.float32)


def runtime(name: str = "mnn") -> Adapter:
    found: Adapter = plugins.load("runtimes", name)
    return found


def outputs(session: Session) -> np.ndarray:
    (spec,) = session.inputs
    rows = []
    for image in IMAGES:
        session.prepare({spec.name: image[None]})
        session.infer()
        rows.append(next(iter(session.fetch().values())).ravel())
    return np.stack(rows)


def sqnr_db(session: Session) -> float:
    found = compare(outputs(session), outputs(runtime("onnxruntime-cpu").open(FLOAT, Options())))["fidelity_sqnr_db"]
    assert isinstance(found, Value)
    return found.value


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "fp32.mnn"
    CONVERTERS["mnn"].convert(ConversionRequest(MODEL, "fp32", FLOAT, out))
    return out


def test_settings_have_the_numbers_of_mnns_header() -> None:
    """PrecisionMode and PowerMode of BackendConfig in MNN/MNNForwardType.h."""
    precisions, powers = ("normal", "high", "low", "low_bf16"), ("normal", "high", "low")
    assert [adapter._configuration({"precision": word})["precision"] for word in precisions] == [0, 1, 2, 3]
    assert [adapter._configuration({"power": word})["power"] for word in powers] == [0, 1, 2]


def test_channels_rows_and_columns_keep_their_places(tmp_path: Path) -> None:
    shape = (FLOAT_ELEMENTS, [1, 3, 4, 5])
    (tmp_path / "relu.onnx").write_bytes(model("Relu", {"x": shape}, shape))
    CONVERTERS["mnn"].convert(ConversionRequest(MODEL, "fp32", tmp_path / "relu.onnx", tmp_path / "relu.mnn"))
    session = runtime().open(tmp_path / "relu.mnn", Options())
    (spec,) = session.inputs
    assert spec.shape == (1, 3, 4, 5)
    for image in np.random.default_rng(1).standard_normal((2, 1, 3, 4, 5)).astype(np.float32):
        session.prepare({spec.name: image})
        session.infer()
        (found,) = session.fetch().values()
        np.testing.assert_allclose(found, np.maximum(image, 0), rtol=1e-6)


def test_answers_are_those_of_the_reference(converted: Path) -> None:
    session = runtime().open(converted, Options(threads=2))
    assert sqnr_db(session) > 100
    info = session.info()
    assert (info["library"], info["threads"], info["options"]["precision"]) == ("MNN", 2, "high")


def test_an_inference_does_not_compute_on_what_the_last_one_left(converted: Path) -> None:
    session = runtime().open(converted, Options())
    session.prepare({"input": IMAGES[:1]})
    session.infer()
    first = session.fetch()["logits"]
    session.infer()
    np.testing.assert_array_equal(session.fetch()["logits"], first)


def test_an_inference_that_fails_is_not_a_quick_one(converted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = runtime().open(converted, Options())
    monkeypatch.setattr(session, "_run", lambda _: 3)
    with pytest.raises(SessionError, match="runSession returned 3"):
        session.infer()


def test_fp32_is_asked_for_and_low_is_read_back(converted: Path) -> None:
    plain, low = (runtime(name).open(converted, Options()) for name in ("mnn", "mnn-low"))
    assert plain.execution().effective == "fp32"
    assert low.info()["options"]["precision"] == "low"
    same = np.array_equal(outputs(plain), outputs(low))
    assert low.execution().effective == ("fp32" if same else "fp16")  # by the CPU


def test_int8_is_near_and_read_back(tmp_path: Path) -> None:
    out = tmp_path / "int8.mnn"
    CONVERTERS["mnn"].convert(ConversionRequest(MODEL, "int8-static", FLOAT, out, IMAGES))
    session = runtime().open(out, Options())
    assert session.execution().effective == "int8"
    assert 10 < sqnr_db(session) < 60
    assert out.stat().st_size < 0.5 * FLOAT.stat().st_size


def test_fp16_weights_are_widened(tmp_path: Path) -> None:
    out = tmp_path / "fp16.mnn"
    CONVERTERS["mnn"].convert(ConversionRequest(MODEL, "fp16", FLOAT, out))
    session = runtime().open(out, Options())
    assert session.execution().effective == "fp32"
    assert 30 < sqnr_db(session) < 80


def test_a_batch_is_as_many_images(converted: Path) -> None:
    one, several = (runtime().open(converted, Options(batch=batch)) for batch in (1, len(IMAGES)))
    several.prepare({"input": IMAGES})
    several.infer()
    np.testing.assert_allclose(several.fetch()["logits"], outputs(one), rtol=1e-3, atol=1e-4)


def test_each_operator_has_its_time(converted: Path) -> None:
    profile = runtime().open(converted, Options()).profile(4)
    assert isinstance(profile, OperatorProfile)
    assert {"Convolution", "ConvolutionDepthwise"} <= {each.type for each in profile.operators}
    assert all(each.duration_ns > 0 for each in profile.operators)


def test_files_that_are_none_are_refused(converted: Path, tmp_path: Path) -> None:
    for number, content in enumerate((b"no model", converted.read_bytes()[:-100], FLOAT.read_bytes())):
        path = tmp_path / f"{number}.mnn"
        path.write_bytes(content)
        with pytest.raises(SessionError, match="MNN cannot run it") as raised:
            runtime().open(path, Options())
        assert "damaged or no .mnn" in raised.value.remedy


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(settings={"precision": "best"}), "takes no precision=best"),
        (Options(settings={"magic": "1"}), "takes no magic=1"),
        (Options(shapes={"input": (1, 3, 32, 32)}), "does not fit"),
    ],
)
def test_what_mnn_has_not_is_said(converted: Path, options: Options, message: str) -> None:
    with pytest.raises(SessionError, match=message):
        runtime().open(converted, options)


def test_a_source_that_cannot_be_converted_is_said(tmp_path: Path) -> None:
    broken = tmp_path / "m.onnx"
    broken.write_bytes(b"no graph")
    with pytest.raises(UsageError, match=r"mnnconvert (ended|crashed)"):
        CONVERTERS["mnn"].convert(ConversionRequest(MODEL, "fp32", broken, tmp_path / "m.mnn"))


def test_an_output_within_a_fused_operator_is_told(tmp_path: Path) -> None:
    source, out = tmp_path / "m.onnx", tmp_path / "m.mnn"
    nodes = [("Sub", ["a", "b"], ["d"], {}), ("Relu", ["d"], ["e"], {})]
    shape = (FLOAT_ELEMENTS, (1, 4))
    source.write_bytes(network(nodes, {"a": shape, "b": shape}, {"d": shape, "e": shape}))
    CONVERTERS["mnn"].convert(ConversionRequest("m", "fp32", source, out))
    assert adapter.output_names(out) == ("d", "e")
    (finding,) = runtime().open(out, Options()).findings()
    assert finding.check == "outputs"
    assert finding.found == "MNN gives no output d: it is within an operator that was fused"


@pytest.mark.parametrize("data", [b"", b"no model", b"\xff" * 40])
def test_a_damaged_file_declares_no_outputs(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "m.mnn").write_bytes(data)
    assert adapter.output_names(tmp_path / "m.mnn") == ()
