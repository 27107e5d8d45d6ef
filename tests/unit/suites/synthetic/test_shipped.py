"""The files as shipped: small, complete and working nets."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.core.artifact import sha256_of
from harness.core.errors import ModelError
from harness.core.quantity import Value
from harness.stats.output_quality import sqnr_db
from suites.artifacts.synthetic import available, find
from suites.artifacts.synthetic.check import batch_of, check, images, open_model
from suites.artifacts.synthetic.files import MODELS, ModelFile
from suites.models.base import ModelVariant

NET = "mobilenet_v2-1.0-224"
FORMS = {("fp32", "onnx"), ("fp32", "tflite"), ("int8-static", "onnx"), ("int8-static", "tflite")}
FLOAT_ONNX = [file for file in available().values() if (file.compression, file.format) == ("fp32", "onnx")]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("unpacked")


def sqnr(got: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
    ratio = sqnr_db(got, reference)
    assert isinstance(ratio, Value)
    return ratio.value


def test_each_of_the_eight_nets_ships_in_four_forms() -> None:
    forms: dict[str, set[tuple[str, str]]] = {}
    for model, compression, file_format in available():
        forms.setdefault(model, set()).add((compression, file_format))
    assert len(forms) == 8
    assert all(of_model == FORMS for of_model in forms.values())


def test_the_folder_holds_what_the_manifest_names_and_stays_under_a_megabyte() -> None:
    assert {path.name for path in MODELS.glob("*.xz")} == {file.packed for file in available().values()}
    assert sum(path.stat().st_size for path in MODELS.iterdir()) < 1e6


@pytest.mark.parametrize("file", available().values(), ids=lambda file: file.packed)
def test_every_file_unpacks_to_its_hash_and_holds_no_path_of_a_machine(file: ModelFile, tmp_path: Path) -> None:
    path = file.unpack(tmp_path)
    assert (sha256_of(path), path.stat().st_size) == (file.sha256, file.size_bytes)
    assert not re.search(rb"/(?:home|root|tmp|usr|work|opt)/|\.py\b", path.read_bytes())


@pytest.mark.parametrize("form", sorted(FORMS))
def test_the_input_is_one_image_of_the_named_resolution_in_floats(cache: Path, form: tuple[str, str]) -> None:
    (entry,) = open_model(find(NET, *form).unpack(cache)).inputs
    channels, height, width = ModelVariant.parse(NET).input_shape
    shape = (channels, height, width) if form[1] == "onnx" else (height, width, channels)
    assert (tuple(entry.shape[1:]), entry.dtype) == (shape, "float32")


@pytest.mark.parametrize(
    ("compression", "file_format", "least"),
    [("fp32", "tflite", 60), ("int8-static", "onnx", 20), ("int8-static", "tflite", 20)],
)
def test_all_forms_are_one_net(cache: Path, compression: str, file_format: str, least: float) -> None:
    reference = check(find(NET, "fp32", "onnx").unpack(cache))
    assert sqnr(check(find(NET, compression, file_format).unpack(cache)), reference) > least


@pytest.mark.parametrize("file", FLOAT_ONNX, ids=lambda file: file.model)
def test_no_layer_vanishes_overflows_or_computes_with_denormal_numbers(cache: Path, file: ModelFile) -> None:
    for name, value in activations(file.unpack(cache)).items():
        assert np.isfinite(value).all(), name
        assert 0.01 < value.std() < 10, name
        assert not ((value != 0) & (np.abs(value) < np.finfo(np.float32).tiny)).any(), name


def activations(path: Path) -> dict[str, NDArray[np.float32]]:
    """The output of every node of a float .onnx file for one image."""
    onnx = pytest.importorskip("onnx")
    import onnxruntime

    model = onnx.load(path)
    names = [name for node in model.graph.node for name in node.output]
    del model.graph.output[:]
    model.graph.output.extend(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feed = batch_of(images(3, 1, 224)[0], (1, 3, 224, 224))
    return dict(zip(names, session.run(None, {model.graph.input[0].name: feed}), strict=True))


@pytest.mark.parametrize("file", FLOAT_ONNX, ids=lambda file: file.model)
def test_no_two_layers_hold_the_same_weights(cache: Path, file: ModelFile) -> None:
    """A converter or runtime may keep equal tensors once, and the file would need less memory than the net."""
    onnx = pytest.importorskip("onnx")
    entries = onnx.load(file.unpack(cache)).graph.initializer
    large = [entry.raw_data for entry in entries if len(entry.raw_data) >= 64]
    assert len(set(large)) == len(large)


@pytest.mark.parametrize("file", FLOAT_ONNX, ids=lambda file: file.model)
def test_the_weights_are_as_dense_as_trained_ones(cache: Path, file: ModelFile) -> None:
    onnx = pytest.importorskip("onnx")
    for entry in onnx.load(file.unpack(cache)).graph.initializer:
        if len(entry.dims) in (2, 4):
            weights = onnx.numpy_helper.to_array(entry).reshape(entry.dims[0], -1)
            assert (weights == 0).mean() < 0.02, entry.name
            assert np.abs(weights[weights != 0]).min() > 1e-6, entry.name
            assert len(np.unique(weights, axis=0)) == len(weights), entry.name


def test_a_net_whose_weights_vanish_is_found(cache: Path, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load(find(NET, "fp32", "onnx").unpack(cache))
    for entry in model.graph.initializer:
        if len(entry.dims) == 4:
            dead = onnx.numpy_helper.to_array(entry) * np.float32(1e-3)
            entry.CopyFrom(onnx.numpy_helper.from_array(dead, entry.name))
    onnx.save(model, tmp_path / "dead.onnx")
    with pytest.raises(ModelError, match="hardly vary"):
        check(tmp_path / "dead.onnx")
