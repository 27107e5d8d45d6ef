"""ncnn on a net of two layers written by hand: answers, precision, int8, and what it refuses."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from harness.core import plugins
from harness.core.errors import UsageError
from harness.core.execution import OperatorProfile
from harness.core.quantity import Value
from harness.runtimes.base import Adapter, Options, Session, SessionError
from suites.artifacts import catalog
from suites.preparation.convert import CONVERTERS, ConversionRequest
from suites.preparation.convert.ncnn import quantize
from tests.outputs import compare

pytest.importorskip("ncnn")

PARAM = """7767517
3 3
Input        in0   0 1 in0 0=5 1=4 2=2
ReLU         relu  1 1 in0 kept
Convolution  conv  1 1 kept out0 0=3 1=1 5=1 6=6
"""
SEEDED = np.random.default_rng(0)
WEIGHTS, BIAS = SEEDED.standard_normal((3, 2)).astype(np.float32), SEEDED.standard_normal(3).astype(np.float32)
IMAGE = SEEDED.standard_normal((1, 2, 4, 5)).astype(np.float32)
MODEL = "mobilenet_v2-0.35-32"
PREPARED = catalog.ARTIFACTS / MODEL / "fp32.onnx"


def write(folder: Path, param: str = PARAM, weights: bytes | None = None) -> Path:
    path = folder / "net.param"
    path.write_text(param, encoding="utf-8")
    path.with_suffix(".bin").write_bytes(bytes(4) + WEIGHTS.tobytes() + BIAS.tobytes() if weights is None else weights)
    return path


def runtime(name: str = "ncnn") -> Adapter:
    found: Adapter = plugins.load("runtimes", name)
    return found


def output(session: Session, image: np.ndarray = IMAGE) -> np.ndarray:
    (spec,) = session.inputs
    session.prepare({spec.name: image})
    session.infer()
    return next(iter(session.fetch().values()))


def test_answers_are_those_of_the_arithmetic_and_stay(tmp_path: Path) -> None:
    session = runtime().open(write(tmp_path), Options(threads=2))
    expected = np.einsum("fc,nchw->nfhw", WEIGHTS, np.maximum(IMAGE, 0)) + BIAS[:, None, None]
    np.testing.assert_allclose(output(session), expected, rtol=1e-5, atol=1e-6)
    session.infer()  # the first layer works in place: not in the memory of the input
    np.testing.assert_allclose(session.fetch()["out0"], expected, rtol=1e-5, atol=1e-6)
    assert session.inputs[0].shape == (1, 2, 4, 5)
    assert session.info()["threads"] == 2


def test_every_image_has_its_own_answer(tmp_path: Path) -> None:
    session = runtime().open(write(tmp_path), Options())
    first, second = output(session).copy(), output(session, -IMAGE)
    expected = np.einsum("fc,nchw->nfhw", WEIGHTS, np.maximum(-IMAGE, 0)) + BIAS[:, None, None]
    np.testing.assert_allclose(second, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(output(session), first)


def test_an_inference_that_fails_is_not_a_quick_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = runtime().open(write(tmp_path), Options())
    monkeypatch.setattr(session, "_results", [(99_999, mat) for _, mat in session._results])
    with pytest.raises(SessionError, match="extract returned -1"):
        session.infer()


def test_fp32_is_asked_for_and_read_back(tmp_path: Path) -> None:
    path = write(tmp_path)
    plain, half = (runtime(name).open(path, Options()) for name in ("ncnn", "ncnn-fp16"))
    assert not any(value for name, value in plain.info()["options"].items() if "fp16" in name or "bf16" in name)
    assert half.info()["options"]["use_fp16_storage"]
    assert plain.execution().effective == "fp32"
    assert half.execution().effective in ("fp32", "fp16")  # by the CPU
    assert plain.execution().nodes == {"ncnn": 2}


def test_options_of_ncnn_are_taken_by_its_names(tmp_path: Path) -> None:
    session = runtime().open(write(tmp_path), Options(settings={"use_packing_layout": "0"}))
    assert session.info()["options"]["use_packing_layout"] is False


def test_each_layer_has_its_time(tmp_path: Path) -> None:
    profile = runtime().open(write(tmp_path), Options()).profile(4)
    assert isinstance(profile, OperatorProfile)
    assert [(each.name, each.type, each.dtype) for each in profile.operators] == [
        ("relu", "ReLU", "fp32"),
        ("conv", "Convolution", "fp32"),
    ]


@pytest.mark.parametrize(
    ("param", "message"),
    [
        ("onnx", "does not begin with 7767517"),
        (PARAM.replace("3 3\n", "4 3\n"), "has 3 layers and claims 4"),
        (PARAM.replace("3 3\n", "3 9\n"), "make 3 blobs and it claims 9"),
        (PARAM.replace("1 1 kept", "1 1 lost"), "nothing before layer 'conv' makes its input 'lost'"),
        (PARAM.replace("1 1 in0 kept", "1 1 in0 in0"), "layer 'relu' makes a blob that an earlier layer makes"),
        (PARAM.replace("0=5", "0=five"), "the shape of input 'in0' has no number"),
        (PARAM.replace("0 1 in0", "0 2 in0 in1"), "makes 2 blobs, not one"),
        (PARAM.replace("1 1 in0 kept", "1 7 in0 kept"), "does not have the 1 \\+ 7 blobs"),
        (PARAM.replace("ReLU  ", "Unheard"), "layer Unheard not exists"),
    ],
)
def test_a_graph_that_would_crash_ncnn_is_refused(tmp_path: Path, param: str, message: str) -> None:
    with pytest.raises(SessionError, match=message) as raised:
        runtime().open(write(tmp_path, param), Options())
    assert raised.value.remedy


def test_a_bin_cut_off_is_refused_in_the_librarys_words(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="load_model 2 conv failed") as raised:
        runtime().open(write(tmp_path, weights=bytes(8)), Options())
    assert "belong together" in raised.value.remedy


def test_a_missing_bin_is_named(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.with_suffix(".bin").unlink()
    with pytest.raises(SessionError, match=r"net\.bin is not beside net\.param"):
        runtime().open(path, Options())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(batch=4), "one image at a time, not a batch of 4"),
        (Options(settings={"use_magic": "1"}), "takes no use_magic=1"),
        (Options(settings={"use_packing_layout": "yes"}), "takes no use_packing_layout=yes"),
        (Options(shapes={"in0": (1, 3, 4, 5)}), "does not fit"),
    ],
)
def test_what_ncnn_cannot_do_is_said(tmp_path: Path, options: Options, message: str) -> None:
    with pytest.raises(SessionError, match=message):
        runtime().open(write(tmp_path), options)


def test_a_shape_that_the_file_does_not_keep_is_asked_for(tmp_path: Path) -> None:
    direct = PARAM.replace("3 3\n", "2 2\n").replace("ReLU         relu  1 1 in0 kept\n", "").replace("kept", "in0")
    path = write(tmp_path, direct.replace(" 0=5 1=4 2=2", ""))
    with pytest.raises(SessionError, match="does not hold the shape") as raised:
        runtime().open(path, Options())
    assert "--shape in0=1x2x224x224" in raised.value.remedy
    with pytest.raises(SessionError, match="1x3x4x5 is not the shape"):
        runtime().open(path, Options(shapes={"in0": (1, 3, 4, 5)}))
    assert output(runtime().open(path, Options(shapes={"in0": (1, 2, 4, 5)}))).shape == (1, 3, 4, 5)


def test_int8_is_near_and_read_back(tmp_path: Path) -> None:
    path = write(tmp_path)
    plain = output(runtime().open(path, Options()))
    quantize(path, IMAGE)
    session = runtime().open(path, Options())
    assert session.execution().effective == "int8"
    sqnr = compare(output(session).reshape(1, -1), plain.reshape(1, -1))["fidelity_sqnr_db"]
    assert isinstance(sqnr, Value)
    assert 25 < sqnr.value < 100


def test_int8_has_no_way_from_other_weights(tmp_path: Path) -> None:
    path = write(tmp_path, PARAM.replace("ReLU  ", "PReLU "))
    with pytest.raises(UsageError, match="ncnn's layers PReLU cannot be quantized"):
        quantize(path, IMAGE)


@pytest.mark.skipif(importlib.util.find_spec("pnnx") is None, reason="no pnnx here: it needs torch")
@pytest.mark.parametrize(("setting", "least_db"), [("fp32", 100), ("fp16", 50)])
def test_a_converted_net_answers_as_the_reference_does(tmp_path: Path, setting: str, least_db: float) -> None:
    CONVERTERS["ncnn"].convert(ConversionRequest(MODEL, setting, PREPARED, tmp_path / "m.param"))
    image = SEEDED.random((1, 1, 32, 32), np.float32)
    ours = output(runtime().open(tmp_path / "m.param", Options()), image)
    found = compare(ours, output(runtime("onnxruntime-cpu").open(PREPARED, Options()), image))["fidelity_sqnr_db"]
    assert isinstance(found, Value)
    assert found.value > least_db


DETECTOR = """7767517
4 4
Input            location   0 1 location 0=8
Input            confidence 0 1 confidence 0=4
Input            prior      0 1 prior 0=8 1=2 2=1
DetectionOutput  found      3 1 location confidence prior out 0=2 1=0.45 2=10 3=10 4=0.5
"""


def test_a_detector_that_finds_nothing_has_an_empty_output(tmp_path: Path) -> None:
    """ncnn leaves such an output without memory, where NumPy would follow it."""
    session = runtime().open(write(tmp_path, DETECTOR, b""), Options())
    boxes = np.float32([[[[0, 0, 0.5, 0.5, 0.5, 0.5, 1, 1], [0.1] * 8]]])
    shapes = []
    for confidence in ([0.9, 0.1, 0.9, 0.1], [0.1, 0.9, 0.1, 0.9], [0.9, 0.1, 0.9, 0.1]):
        zeros = np.zeros((1, 8), np.float32)
        session.prepare({"location": zeros, "confidence": np.float32([confidence]), "prior": boxes})
        session.infer()
        shapes.append(session.fetch()["out"].shape)
    assert shapes == [(1, 0), (1, 2, 6), (1, 0)]
