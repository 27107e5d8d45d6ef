"""Weights of strangers: tensors are read, code is not run, and what does not fit is named."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from harness.core.errors import ModelError
from harness.core.plugins import load as plugin
from suites.artifacts.synthetic.check import images
from suites.data.published_weights import PUBLISHED
from suites.models.base import ModelVariant

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.prepare

from suites.nn.same_padding import SameConv2d, pad_same  # noqa: E402
from suites.preparation.weights.state_dict import load_weights, read_tensors  # noqa: E402

SMALL = ModelVariant("mobilenet_v2", 0.35, 32)


def net(variant: ModelVariant = SMALL) -> torch.nn.Module:
    return plugin("models", variant.family).net(variant)


class Bomb:
    """Creates a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("save", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content))])
def test_code_in_a_file_of_weights_is_never_run(tmp_path: Path, save) -> None:
    file, target = tmp_path / "net.pt", tmp_path / "harm"
    save({"weight": torch.zeros(1), "bomb": Bomb(target)}, file)
    with pytest.raises(ModelError, match=r"could run code|cannot be read"):
        read_tensors(file)
    assert not target.exists()


def test_a_whole_net_pickled_is_refused(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(1, 1), tmp_path / "net.pt")
    with pytest.raises(ModelError, match="could run code"):
        read_tensors(tmp_path / "net.pt")


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04 cut short"])
def test_what_is_no_file_of_weights_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "net.pt").write_bytes(content)
    with pytest.raises(ModelError, match=r"net\.pt"):
        read_tensors(tmp_path / "net.pt")


def test_other_things_than_tensors_are_refused_by_name(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "loss": 0.5}, tmp_path / "net.pt")
    with pytest.raises(ModelError, match=r"no state dict: it holds epoch \(int\), loss \(float\)"):
        read_tensors(tmp_path / "net.pt")


@pytest.mark.parametrize("wrap", [dict, lambda s: {"state_dict": {f"module.{n}": t for n, t in s.items()}, "epoch": 1}])
def test_own_names_match_by_name(tmp_path: Path, wrap) -> None:
    trained, fresh = net(), net()
    torch.save(wrap(trained.state_dict()), tmp_path / "net.pt")
    assert load_weights(fresh, read_tensors(tmp_path / "net.pt"), tmp_path / "net.pt") == "by name"
    assert all(
        torch.equal(a, b) for a, b in zip(trained.state_dict().values(), fresh.state_dict().values(), strict=True)
    )


def test_safetensors_under_other_names_match_by_order(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    trained, fresh = net(), net()
    file = tmp_path / "net.safetensors"
    renamed = {f"layer{i:03}.{name.rpartition('.')[2]}": t for i, (name, t) in enumerate(trained.state_dict().items())}
    safetensors.save_file(renamed, file)
    assert load_weights(fresh, read_tensors(file), file) == "by order"
    assert torch.equal(fresh.state_dict()["0.0.weight"], trained.state_dict()["0.0.weight"])
    file.write_bytes(b"cut")
    with pytest.raises(ModelError, match="cannot be read as safetensors"):
        read_tensors(file)


def test_another_architecture_is_told_by_the_first_tensors_that_differ(tmp_path: Path) -> None:
    state = {name: t for name, t in net().state_dict().items() if not name.endswith("num_batches_tracked")}
    with pytest.raises(ModelError, match=r"0\.0\.weight is .*, the net has 16x1x3x3|0\.0\.weight is 16x1x3x3"):
        load_weights(net(ModelVariant("mobilenet_v2", 1.0, 32)), state, tmp_path)
    other = {f"features.{name}": t for name, t in net(ModelVariant("shufflenet_v2", 0.5, 32)).state_dict().items()}
    with pytest.raises(ModelError, match=r"it has \d+ tensors, the net \d+; tensor 0 is features\.0\.0\.weight"):
        load_weights(net(), {n: t for n, t in other.items() if not n.endswith("tracked")}, tmp_path)
    with pytest.raises(ModelError, match=r"missing 0\.0\.weight 16x1x3x3"):
        load_weights(net(), dict(list(state.items())[1:]), tmp_path)
    with pytest.raises(ModelError, match="unexpected extra 2"):
        load_weights(net(), {**state, "extra": torch.zeros(2)}, tmp_path)


@pytest.mark.parametrize(("edge", "kernel", "same"), [(8, 3, True), (8, 5, True), (7, 3, False)])
def test_same_padding_is_tensorflows(edge: int, kernel: int, same: bool) -> None:
    """By its rule: all the padding that the output's size needs, the odd pixel behind."""
    layer = torch.nn.Sequential(torch.nn.Conv2d(2, 3, kernel, 2, (kernel - 1) // 2, bias=False))
    weight = layer[0].weight
    pad_same(layer, (2, edge, edge))
    assert isinstance(layer[0], SameConv2d) == same
    total = (-(-edge // 2) - 1) * 2 + kernel - edge
    pads = (total // 2, total - total // 2) * 2
    picture = torch.randn(1, 2, edge, edge)
    expected = torch.nn.functional.conv2d(torch.nn.functional.pad(picture, pads), weight, stride=2)
    assert torch.allclose(layer(picture), expected, atol=1e-6)


REFERENCE = {
    # geffnet 1.0.2's tf_efficientnet_lite0, 1 and 2 with the same weights on `images(0, 1, edge)`: the first four
    # outputs, the best class and its output.
    "efficientnet_lite0-1.0-224": ([-1.0387, 1.2483, 0.0481, 0.2467], 735, 7.4015),
    "efficientnet_lite1-1.0-240": ([-1.3717, 2.8924, 1.8771, 2.9282], 885, 6.4105),
    "efficientnet_lite2-1.0-260": ([-1.5193, 0.2323, -1.3347, -0.7746], 885, 7.9617),
}


@pytest.mark.parametrize("model", PUBLISHED)
def test_published_weights_give_the_reference_implementations_outputs(model: str) -> None:
    from suites.preparation.weights.export import net_with_weights

    if not PUBLISHED[model].is_fetched:
        pytest.skip("edgebench data fetch imagenet-weights brings them")
    variant = ModelVariant.parse(model)
    loaded, matched = net_with_weights(variant, PUBLISHED[model].path, same=True)
    with torch.no_grad():
        outputs = loaded(torch.from_numpy(images(0, 1, variant.resolution)))[0].numpy()
    first, best, highest = REFERENCE[model]
    assert matched == "by order"
    assert np.abs(outputs[:4] - first).max() < 2e-4
    assert (int(outputs.argmax()), round(float(outputs.max()), 3)) == (best, pytest.approx(highest, abs=2e-4 + 5e-4))
