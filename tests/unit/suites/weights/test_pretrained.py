"""`edgebench prepare --weights`: weights of any kind become model files with a note of their origin."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from harness.cli import main
from harness.core.artifact import sha256_of
from harness.core.errors import SetupError
from suites.artifacts import catalog
from suites.preparation.torch_export import EXPORTERS
from suites.preparation.weights import pretrained
from suites.user_model import UserModel, note_of
from tests.onnx_bytes import onnx_with_weights

MODEL = "mobilenet_v2-0.35-32"
SHIPPED = catalog.ARTIFACTS / MODEL / "fp32.onnx"


def test_a_model_file_passes_through_with_a_note_of_its_preprocessing(tmp_path: Path) -> None:
    how = "pad=2,mean=0.286,std=0.353"
    assert main(["prepare", "--weights", str(SHIPPED), "--out", str(tmp_path / "out"), "--preprocess", how]) == 0
    model = tmp_path / "out" / "fp32.onnx"
    assert model.read_bytes() == SHIPPED.read_bytes()
    noted = UserModel(model).preprocess(None)
    assert (noted.pad, noted.mean, noted.channels, noted.crop) == (2, (0.286,), 1, 28)
    assert json.loads(note_of(model).read_text())["recipe"]["source"] == "fp32.onnx"


def test_a_model_with_weights_beside_it_passes_through_with_them(tmp_path: Path) -> None:
    source = onnx_with_weights(tmp_path / "net.onnx", "net.onnx.data", b"0123456789abcdef")
    assert main(["prepare", "--weights", str(source), "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "net.onnx.data").read_bytes() == b"0123456789abcdef"
    assert json.loads(note_of(tmp_path / "out" / "net.onnx").read_text())["sha256"] == sha256_of(source)


def test_a_note_of_another_file_is_not_believed(tmp_path: Path) -> None:
    main(["prepare", "--weights", str(SHIPPED), "--out", str(tmp_path), "--preprocess", "mean=0.5"])
    model = tmp_path / "fp32.onnx"
    note_of(model).write_text(note_of(model).read_text().replace('"sha256": "', '"sha256": "0'))
    assert UserModel(model).preprocess(None).mean == (0.0,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--weights", "none.pt"], "--weights needs --out"),
        (["--weights", "none.pt", "--out", "o"], "no such weights file: none.pt"),
        (["--weights", "https://example.org/net.pt", "--out", "o"], "no hash to be checked by"),
        (["--weights", __file__, "--out", "o"], "unknown kind of weights '.py'"),
        ([], "name a suite, or --weights and --out"),
    ],
)
def test_bad_requests_say_what_to_do(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_tensors_need_the_name_of_a_net(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.pt").write_bytes(b"")
    assert main(["prepare", "--weights", str(tmp_path / "net.pt"), "--out", str(tmp_path)]) == 2
    assert "--model mobilenet_v2-1.0-224" in capsys.readouterr().err


@pytest.mark.skipif(find_spec("torch") is not None, reason="torch is installed")
@pytest.mark.parametrize("source", ["net.pt", "timm:mobilenetv4_conv_small"])
def test_without_torch_the_extra_is_named(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.pt").write_bytes(b"")
    assert main(["prepare", "--weights", source, "--model", MODEL, "--out", "o"]) == 2
    assert "edgebench[prepare]" in capsys.readouterr().err


@pytest.mark.skipif(find_spec("keras") is not None, reason="keras is installed")
def test_without_keras_a_keras_file_has_the_install_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.keras").write_bytes(b"")
    assert main(["prepare", "--weights", str(tmp_path / "net.keras"), "--out", str(tmp_path)]) == 2
    assert "pip install keras tensorflow" in capsys.readouterr().err


@pytest.fixture
def only_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "EXPORTERS", {"onnx": EXPORTERS["onnx"]})


@pytest.mark.prepare
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_tensors_become_model_files_that_compute_the_same(tmp_path: Path, only_onnx: None) -> None:
    torch = pytest.importorskip("torch")
    from harness.core.plugins import load
    from suites.models.base import ModelVariant

    torch.manual_seed(0)
    net = load("models", "mobilenet_v2").net(ModelVariant.parse(MODEL))
    torch.save(net.state_dict(), tmp_path / "net.pt")
    request = pretrained.WeightsRequest(
        str(tmp_path / "net.pt"), tmp_path / "out", MODEL, "unit,mean=0.286,std=0.353,pad=2"
    )
    (model,) = request.prepare()
    note = json.loads(note_of(model).read_text())
    assert model.name == f"{MODEL}.onnx"
    assert note["recipe"]["largest_difference_from_torch"] < 1e-4
    assert note["recipe"]["matched"] == "by name"
    assert UserModel(model).preprocess(None).crop == 28


@pytest.mark.prepare
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_librarys_net_is_exported_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, only_onnx: None) -> None:
    """timm would fetch weights, which a test must not: a net in its form stands in for it."""
    torch = pytest.importorskip("torch")
    from suites.preparation.weights import libraries

    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, 2), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.LazyLinear(5))
    net(torch.zeros(1, 3, 96, 96))
    net.pretrained_cfg = {
        "input_size": (3, 96, 96),
        "crop_pct": 0.875,
        "interpolation": "bicubic",
        "mean": (0.485, 0.456, 0.406),
        "std": (0.229, 0.224, 0.225),
    }
    timm = ModuleType("timm")
    timm.create_model = lambda name, pretrained: net if (name, pretrained) == ("tiny", True) else 1 / 0  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "timm", timm)
    monkeypatch.setattr(libraries, "version", lambda _: "1.0")
    (model,) = pretrained.WeightsRequest("timm:tiny", tmp_path).prepare()
    how = UserModel(model).preprocess(None)
    assert (model.name, how.resize, how.crop, how.mean[0], how.layout) == ("tiny.onnx", 109, 96, 0.485, "NCHW")


@pytest.mark.prepare
def test_torchvisions_preprocessing_is_read_from_its_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    from suites.preparation.weights import libraries

    facts = SimpleNamespace(
        crop_size=[224], resize_size=[232], mean=[0.5] * 3, std=[0.25] * 3, interpolation="bilinear"
    )
    models = ModuleType("torchvision.models")
    models.get_model_weights = lambda name: SimpleNamespace(DEFAULT=SimpleNamespace(transforms=lambda: facts))  # type: ignore[attr-defined]
    models.get_model = lambda name, weights: torch.nn.Identity()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torchvision", ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    monkeypatch.setattr(libraries, "version", lambda _: "1.0")
    loaded = libraries.load_library_net("torchvision", "net")
    assert (loaded.resolution, loaded.preprocess.resize, loaded.preprocess.std) == (224, 232, (0.25, 0.25, 0.25))
    assert loaded.origin["interpolation_in_training"] == "bilinear"


@pytest.mark.prepare
def test_a_library_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    from suites.preparation.weights import libraries

    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(SetupError, match="timm is not installed"):
        libraries.load_library_net("timm", "net")
