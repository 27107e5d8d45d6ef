"""Nets: counts equal the published ones, shapes fit, blocks compute what their papers define."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

import suites
from harness.core.errors import UsageError
from harness.core.plugins import load, load_all
from suites.models.base import ModelFamily, ModelVariant

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.prepare

from suites.nn import blocks  # noqa: E402
from suites.nn.channel_pruning import prune_channels  # noqa: E402

FAMILIES: dict[str, ModelFamily] = load_all("models")
PUBLISHED = [
    (ModelVariant(name, row.width, row.resolution), row) for name in FAMILIES for row in FAMILIES[name].published
]


@pytest.mark.parametrize(("variant", "published"), PUBLISHED, ids=lambda value: str(value)[:40])
def test_counts_equal_the_published_ones(variant: ModelVariant, published) -> None:
    with torch.device("meta"):  # shapes alone: nothing is drawn or computed
        net = load("models", variant.family).net(variant)
    parameters, macs = blocks.count_parameters(net), blocks.count_macs(net, variant.input_shape)
    assert parameters == published.parameters
    near = macs == pytest.approx(published.paper_macs, rel=0.02)
    assert near or published.note
    assert macs == pytest.approx(published.paper_macs, rel=0.11)


def test_the_page_shows_these_counts() -> None:
    made = script()
    text = made.PAGE.read_text(encoding="utf-8")
    assert made.page(text, made.rows(FAMILIES)) == text


def script() -> ModuleType:
    path = Path(suites.__file__).parents[1] / "docs" / "make_models.py"
    spec = importlib.util.spec_from_file_location("make_models", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_macs_of_one_convolution_and_one_linear_layer_by_hand() -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(4, 6, 3, groups=2), torch.nn.Flatten(), torch.nn.Linear(24, 5))
    assert blocks.count_macs(net, (4, 4, 4)) == (2 * 2 * 6) * (2 * 3 * 3) + 24 * 5


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("resolution", [32, 224])
def test_images_become_logits(name: str, resolution: int) -> None:
    variant = ModelVariant(name, 0.5, resolution)
    with torch.device("meta"):
        net = FAMILIES[name].net(variant).eval()
        assert net(torch.zeros(2, *variant.input_shape)).shape == (2, variant.classes)


def test_a_width_that_shufflenet_has_not_is_refused() -> None:
    with pytest.raises(UsageError, match=r"0\.75"):
        FAMILIES["shufflenet_v2"].net(ModelVariant("shufflenet_v2", 0.75, 32))


def test_shuffle_interleaves_the_halves() -> None:
    channels = torch.arange(6.0).view(1, 6, 1, 1)
    assert blocks.channel_shuffle(channels).flatten().tolist() == [0, 3, 1, 4, 2, 5]


def test_the_shortcut_is_taken_where_shapes_allow() -> None:
    def zeroed(stride: int, outputs: int) -> torch.Tensor:
        block = blocks.InvertedResidual(8, 16, outputs, 3, stride, torch.nn.ReLU).eval()
        for parameter in block.parameters():
            torch.nn.init.zeros_(parameter)
        return block(torch.ones(1, 8, 4, 4))

    assert zeroed(1, 8).eq(1).all()
    assert zeroed(1, 16).eq(0).all()
    assert zeroed(2, 8).eq(0).all()


@pytest.mark.parametrize("name", ["resnet18", "squeezenet"])
def test_a_net_without_hidden_channels_is_not_pruned(name: str) -> None:
    net = FAMILIES[name].net(ModelVariant(name, 0.25, 32))
    with pytest.raises(UsageError, match="no channels that are used inside one block"):
        prune_channels(net, 0.5)


@pytest.mark.parametrize("name", ["mobilenet_v4_conv_small", "efficientnet_v2_b0", "mobilenet_v3_small"])
def test_channel_pruning_removes_features_before_the_classifier(name: str) -> None:
    variant = ModelVariant(name, 0.5, 32)
    net = FAMILIES[name].net(variant)
    before = blocks.count_parameters(net)
    prune_channels(net, 0.5)
    assert blocks.count_parameters(net) < before
    assert net.eval()(torch.zeros(1, *variant.input_shape)).shape == (1, 10)
