"""Every compression setting on a small net of the real blocks, in both formats."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from harness.core.errors import ModelError, UsageError
from harness.core.plugins import load, load_all
from harness.runtimes.base import Options
from suites.compression.base import Compression, images_sha256

# Deprecation warnings of the converters cannot be fixed here.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")

SETTINGS: dict[str, Compression] = load_all("compression")
FORMATS = ("onnx", "tflite")
SQNR_DB = {
    "fp32": 200.0,
    "fp16": 45.0,
    "int8-dynamic": 18.0,
    "int8-weight-only": 30.0,
    "int4-weight-only": 8.0,
    "int8-static": 18.0,
    "int8-static-per-tensor": 15.0,
    "int8-qat": 18.0,
    "int8-static-entropy": 10.0,
    "int8-static-percentile": 18.0,
    "int8-static-io8": 18.0,
    "int16x8": 18.0,
    "bf16": 35.0,
}
"""Least signal-to-noise ratio against the float net: about 6 dB a bit, less what a few layers add up.

Those that train take a tuned float net: they have the ratio of the setting that they end in.
"""
EXACT = {
    name for name, setting in SETTINGS.items() if name == "fp32" or getattr(setting, "post_training", "") == "fp32"
}
CALIBRATED = {
    *("int8-static", "int8-static-per-tensor", "int8-static-entropy", "int8-static-percentile", "int8-static-io8"),
    *("int8-qat", "int16x8"),
}
MADE = [(name, kind) for name, setting in SETTINGS.items() for kind in FORMATS if kind in setting.formats]


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_is_described(name: str) -> None:
    setting = SETTINGS[name]
    assert setting.name == name
    assert setting.description
    assert set(setting.formats) | set(setting.unsupported) == set(FORMATS)
    assert not set(setting.formats) & set(setting.unsupported)
    assert all(setting.unsupported.values())
    assert setting.needs_calibration == (name in CALIBRATED)


def test_missing_calibration_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="calibration images"):
        SETTINGS["int8-static"].build(tmp_path / "net.onnx", None, tmp_path / "out.onnx")


def test_a_format_that_no_tool_makes_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"bf16 does not support \.tflite: ai-edge-quantizer writes no bfloat16"):
        SETTINGS["bf16"].build(tmp_path / "net.tflite", None, tmp_path / "out.tflite")


def test_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"net\.pt.*onnx and tflite"):
        SETTINGS["fp32"].build(tmp_path / "net.pt", None, tmp_path / "out.pt")


def test_the_hash_of_images_is_of_their_values_not_of_their_strides() -> None:
    images = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    assert images_sha256(images) == images_sha256(np.asfortranarray(images))
    assert images_sha256(images) != images_sha256(images + 1)


@dataclass(frozen=True)
class Float:
    """The float files of one net, and its images by format."""

    folder: Path
    images: dict[str, np.ndarray]

    def outputs(self, model: Path) -> np.ndarray:
        """Return the outputs of the harness's session, image by image; it converts integer inputs and outputs."""
        session = load("runtimes", "onnxruntime-cpu" if model.suffix == ".onnx" else "litert-xnnpack").open(
            model, Options()
        )
        rows = []
        for image in self.images[model.suffix[1:]]:
            session.prepare({session.inputs[0].name: session.inputs[0].encode(image[None])})
            session.infer()
            rows.append(next(iter(session.fetch().values())).ravel())
        return np.stack(rows)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Float:
    torch = pytest.importorskip("torch")
    from suites.models.base import ModelVariant
    from suites.nn import ConvBNAct, InvertedResidual, ShuffleUnit, classifier
    from suites.preparation.torch_export import to_onnx, to_tflite
    from tests.batch_norm import calibrate_batch_norm

    torch.manual_seed(0)
    blocks = [
        ConvBNAct(1, 8, 3, 2),
        InvertedResidual(8, 16, 8, 3, 1, torch.nn.ReLU6),
        ShuffleUnit(8, 16, 2),
        ConvBNAct(16, 32),
    ]
    net = classifier(blocks, 32, 10, dropout=0.2)
    images = torch.randn(24, 1, 32, 32)
    calibrate_batch_norm(net, images)
    folder, variant = tmp_path_factory.mktemp("float"), ModelVariant("small", 1.0, 32)
    to_onnx(net, variant, folder / "net.onnx")
    to_tflite(net, variant, folder / "net.tflite")
    np.save(folder / "torch.npy", net(images).detach().numpy())
    return Float(folder, {"onnx": images.numpy(), "tflite": images.permute(0, 2, 3, 1).contiguous().numpy()})


@pytest.mark.prepare
@pytest.mark.parametrize("kind", FORMATS)
def test_the_float_file_computes_what_torch_does(source: Float, kind: str) -> None:
    expected = np.load(source.folder / "torch.npy")
    np.testing.assert_allclose(source.outputs(source.folder / f"net.{kind}"), expected, atol=2e-5)


@pytest.mark.prepare
@pytest.mark.parametrize(("name", "kind"), MADE)
def test_an_artifact_is_close_to_the_float_net_and_has_its_recipe(
    source: Float, tmp_path: Path, name: str, kind: str
) -> None:
    parent = source.folder / f"net.{kind}"
    artifact = SETTINGS[name].build(parent, source.images[kind], tmp_path / f"made.{kind}")
    expected, actual = source.outputs(parent), source.outputs(artifact.path)
    noise = float(np.square(actual - expected).sum())
    assert 10 * np.log10(np.square(expected).sum() / max(noise, 1e-30)) >= SQNR_DB["fp32" if name in EXACT else name]
    assert (noise == 0) == (name in EXACT)
    calibration = artifact.recipe["calibration_sha256"]
    assert calibration == (images_sha256(source.images[kind]) if name in CALIBRATED else None)
    assert set(artifact.recipe["tools"]) == set(SETTINGS[name].formats[artifact.format].tools)


@pytest.mark.prepare
@pytest.mark.parametrize(("name", "kind"), MADE)
def test_the_same_recipe_gives_the_same_bytes(source: Float, tmp_path: Path, name: str, kind: str) -> None:
    setting = load("compression", name)
    made = [
        setting.build(source.folder / f"net.{kind}", source.images[kind], tmp_path / f"{i}.{kind}") for i in range(2)
    ]
    assert made[0].sha256 == made[1].sha256


@pytest.mark.prepare
def test_no_file_contains_paths_of_the_machine(source: Float) -> None:
    import suites

    home = str(Path(suites.__file__).parent).encode()
    for kind in FORMATS:
        content = (source.folder / f"net.{kind}").read_bytes()
        assert home not in content
        assert b"site-packages" not in content


def _grouped(node) -> bool:
    return any(attribute.name == "group" and attribute.i > 1 for attribute in node.attribute)


@pytest.mark.prepare
def test_int4_weights_have_at_most_fifteen_levels_a_channel(source: Float, tmp_path: Path) -> None:
    import onnx

    artifact = SETTINGS["int4-weight-only"].build(source.folder / "net.onnx", None, tmp_path / "made.onnx")
    graph = onnx.load(artifact.path).graph
    kinds = {weight.name: weight.data_type for weight in graph.initializer}
    feeding = [node.input[0] for node in graph.node if node.op_type == "DequantizeLinear"]
    assert {kinds[name] for name in feeding} == {onnx.TensorProto.INT4}
    dense = [node for node in graph.node if node.op_type in {"Conv", "Gemm", "MatMul"} and not _grouped(node)]
    assert len(feeding) == len(dense)
    assert artifact.size_bytes < (source.folder / "net.onnx").stat().st_size


def test_quantized_weights_are_within_half_a_step() -> None:
    from suites.compression.weight_only import quantize_weights

    weights = np.random.default_rng(0).normal(size=(6, 3, 3, 3)).astype(np.float32)
    weights[2] = 0
    for bits, levels in ((8, 127), (4, 7)):
        values, scales = quantize_weights(weights, 0, bits)
        assert np.abs(values).max() == levels
        assert (np.abs(values * scales[:, None, None, None] - weights) <= scales[:, None, None, None] * 0.5001).all()
        assert (scales > 0).all()
