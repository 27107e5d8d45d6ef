"""The nets themselves: counts equal the published ones, shapes fit, blocks do what their papers say."""

from __future__ import annotations

import pytest

from harness.core.errors import UsageError
from harness.core.plugins import load, load_all
from suites.models.base import ModelFamily, Variant

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.prepare

from suites.nn import blocks, count  # noqa: E402

FAMILIES: dict[str, ModelFamily] = load_all("models")
PUBLISHED = [(Variant(name, row.width, row.resolution), row) for name in FAMILIES for row in FAMILIES[name].published]

MACS = {
    # Exact; equal to torchvision's figures (`_ops`) to the three digits that it states, and within 1.2 % of the
    # papers', but for Lite0, whose README (407 M) counts more than convolutions and linear layers.
    "mobilenet_v1-1.0-224": 568_740_352,
    "mobilenet_v1-0.5-224": 149_497_088,
    "mobilenet_v2-1.0-224": 300_774_272,
    "mobilenet_v3_small-1.0-224": 56_510_400,
    "mobilenet_v3_large-1.0-224": 216_589_760,
    "shufflenet_v2-0.5-224": 40_476_448,
    "shufflenet_v2-1.0-224": 144_907_992,
    "efficientnet_b0-1.0-224": 385_814_752,
    "efficientnet_lite0-1.0-224": 385_187_552,
}


@pytest.mark.parametrize(("variant", "published"), PUBLISHED, ids=lambda value: str(value)[:40])
def test_counts_equal_the_published_ones(variant: Variant, published) -> None:
    net = load("models", variant.family).net(variant)
    macs = count.macs(net, variant.input_shape)
    assert count.parameters(net) == published.parameters
    assert macs == MACS[str(variant)]
    assert macs == pytest.approx(published.paper_macs, rel=0.06)


def test_macs_of_one_convolution_and_one_linear_layer_by_hand() -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(4, 6, 3, groups=2), torch.nn.Flatten(), torch.nn.Linear(24, 5))
    assert count.macs(net, (4, 4, 4)) == (2 * 2 * 6) * (2 * 3 * 3) + 24 * 5


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("resolution", [32, 224])
def test_images_become_logits(name: str, resolution: int) -> None:
    variant = Variant(name, 0.5, resolution)
    net = FAMILIES[name].net(variant).eval()
    assert net(torch.zeros(2, *variant.input_shape)).shape == (2, variant.classes)


def test_a_width_that_shufflenet_has_not_is_refused() -> None:
    with pytest.raises(UsageError, match=r"0\.75"):
        FAMILIES["shufflenet_v2"].net(Variant("shufflenet_v2", 0.75, 32))


def test_shuffle_interleaves_the_halves() -> None:
    channels = torch.arange(6.0).view(1, 6, 1, 1)
    assert blocks.shuffle(channels).flatten().tolist() == [0, 3, 1, 4, 2, 5]


def test_the_shortcut_is_taken_where_shapes_allow() -> None:
    def zeroed(stride: int, outputs: int) -> torch.Tensor:
        block = blocks.InvertedResidual(8, 16, outputs, 3, stride, torch.nn.ReLU).eval()
        for parameter in block.parameters():
            torch.nn.init.zeros_(parameter)
        return block(torch.ones(1, 8, 4, 4))

    assert zeroed(1, 8).eq(1).all()
    assert zeroed(1, 16).eq(0).all()
    assert zeroed(2, 8).eq(0).all()
