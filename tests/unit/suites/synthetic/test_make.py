"""Setting weights and making files, on small nets. Needs the extra 'prepare'."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.prepare
torch = pytest.importorskip("torch")

from suites.artifacts.synthetic.check import images  # noqa: E402
from suites.artifacts.synthetic.files import ModelFile  # noqa: E402
from suites.preparation.synthetic import LENGTH, PEAK, PEAK_EVERY, block, build_net, set_weights  # noqa: E402


def small_net() -> Any:
    """Dense convolution, depthwise convolution, mean, linear layer: N x 3 x 32 x 32 to N x 10."""
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, 1, 1, groups=16, bias=False),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 10),
    )


def layers(net: Any) -> list[Any]:
    return [layer for layer in net if hasattr(layer, "weight")]


def pictures() -> Any:
    return torch.from_numpy(images(1, 4, 32))


@pytest.mark.parametrize("balanced", [True, False])
def test_every_run_of_the_block_reaches_the_peak(balanced: bool) -> None:
    runs = np.lib.stride_tricks.sliding_window_view(
        np.resize(block(balanced=balanced), LENGTH + PEAK_EVERY), PEAK_EVERY
    )
    assert (np.abs(runs.astype(int)).max(axis=1) == PEAK).all()


def test_runs_of_the_balanced_block_sum_to_about_zero() -> None:
    assert np.abs(np.cumsum(block(balanced=True).astype(int))).max() <= PEAK


def test_every_layer_gets_about_unit_variance() -> None:
    net = small_net()
    set_weights(net, pictures())
    outputs = []
    for layer in layers(net):
        layer.register_forward_hook(lambda _layer, _inputs, output: outputs.append(float(output.std())))
    with torch.no_grad():
        net(pictures())
    assert all(0.5 <= deviation <= 2 for deviation in outputs)


def test_weights_are_the_same_integers_times_a_power_of_four() -> None:
    net = small_net()
    set_weights(net, pictures())
    for layer in layers(net):
        scale = float(layer.weight.detach().abs().max()) / PEAK
        assert np.log2(scale * 2**7) % 2 == 0
        integers = (layer.weight.detach() / scale).numpy()
        assert (integers == np.rint(integers)).all()


def test_setting_weights_twice_gives_the_same_net() -> None:
    first, second = small_net(), small_net()
    set_weights(first, pictures())
    set_weights(second, pictures())
    set_weights(second, pictures())
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_batch_normalisation_left_in_the_net_is_refused() -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8))
    with pytest.raises(ValueError, match="fold batch normalisation"):
        set_weights(net, pictures())


def test_making_a_net_twice_gives_the_same_working_files(tmp_path: Path) -> None:
    first, second = (list(build_net("mobilenet_v2-0.35-96", tmp_path)) for _ in range(2))
    assert first == second
    assert [(file.compression, file.format) for file in first] == [
        ("fp32", "onnx"),
        ("int8-static", "onnx"),
        ("fp32", "tflite"),
        ("int8-static", "tflite"),
    ]
    assert all(unpacks(file, tmp_path) for file in first)


def unpacks(file: ModelFile, folder: Path) -> bool:
    return file.unpack(folder / "cache", folder).stat().st_size == file.size_bytes
