"""What the settings that train do to a net, on nets made here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.prepare, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

from harness.core.errors import UsageError  # noqa: E402
from harness.core.plugins import load, load_all  # noqa: E402
from suites.models.base import ModelVariant  # noqa: E402
from suites.nn import ConvBNAct, InvertedResidual, ShuffleUnit, classifier  # noqa: E402
from suites.nn.blocks import (  # noqa: E402
    count_macs,
    count_parameters,
    fold_batch_norm,
)
from suites.nn.channel_pruning import GradualChannelPruning, HiddenChannels, importance, prune_channels  # noqa: E402
from suites.nn.fake_quantize import FakeQuantize  # noqa: E402
from suites.nn.training_hooks import TrainingHooks  # noqa: E402
from suites.nn.weight_pruning import GradualWeightPruning, OneShotWeightPruning, cluster_values, prunable, sparsity  # noqa: E402
from suites.preparation.training.checkpoint import Checkpoint  # noqa: E402
from suites.preparation.training.fashion_mnist import LabelledImages  # noqa: E402
from suites.preparation.training.paired import pack_hits  # noqa: E402
from suites.preparation.training.training_loop import ResumePoint, TrainingConfig, fit, hits  # noqa: E402  # noqa: E402
from suites.preparation.training.tune import tune  # noqa: E402

MODEL = "mobilenet_v2-0.35-32"


def small_net() -> torch.nn.Sequential:
    torch.manual_seed(0)
    blocks = [
        ConvBNAct(1, 8, 3, 2),
        InvertedResidual(8, 32, 8, 3, 1, torch.nn.ReLU6),
        ShuffleUnit(8, 32, 2),
        ShuffleUnit(32, 32, 1),
        ConvBNAct(32, 64),
    ]
    return classifier(blocks, 64, 10, dropout=0.0)


def noise(count: int = 64) -> LabelledImages:
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 255, (count, 1, 32, 32)).astype(np.uint8)
    return LabelledImages(torch.from_numpy(pixels), torch.from_numpy(generator.integers(0, 10, count)))


def test_channel_pruning_removes_half_of_the_hidden_channels_and_keeps_the_shapes_between_blocks() -> None:
    net = small_net()
    before = [tuple(block(torch.zeros(1, *shape)).shape) for block, shape in zip(net[:1], [(1, 32, 32)], strict=True)]
    prune_channels(net, 0.5)
    assert net[1].layers[0][0].out_channels == net[1].layers[1][0].groups == net[1].layers[2][0].in_channels == 16
    assert net[2].branch[0][0].out_channels == net[3].branch[2][0].in_channels == 8
    assert net[-1].in_features == 32
    assert [tuple(net[0](torch.zeros(1, 1, 32, 32)).shape)] == before
    assert net.eval()(torch.zeros(2, 1, 32, 32)).shape == (2, 10)


def test_a_channel_that_does_nothing_leaves_first_and_the_net_computes_the_same() -> None:
    net = small_net().eval()
    expand, depthwise, project = net[1].layers
    idle = torch.arange(0, 32, 2)
    with torch.no_grad():
        for unit in (expand, depthwise):
            unit[1].weight[idle] = 0
            unit[1].bias[idle] = 0
        project[0].weight[:, idle] = 0
    score = importance(HiddenChannels((expand, depthwise), project[0]))
    assert set(score.argsort()[:16].tolist()) == set(idle.tolist())
    x = torch.randn(2, 8, 5, 5)
    expected = net[1](x)
    prune_channels(net, 0.5)
    torch.testing.assert_close(net[1](x), expected)


@pytest.mark.parametrize("model", [MODEL, "shufflenet_v2-0.5-32", "efficientnet_lite0-0.3-32"])
def test_half_the_channels_are_about_half_the_work(model: str) -> None:
    variant = ModelVariant.parse(model)
    net = load("models", variant.family).net(variant)
    before = count_macs(net, variant.input_shape)
    load("compression", "channel-pruned-50").restructure(net)
    assert 0.5 <= count_macs(net, variant.input_shape) / before <= 0.6


def test_gradual_pruning_zeroes_channels_one_after_another_and_the_net_without_them_computes_the_same() -> None:
    net = small_net()
    whole = count_parameters(net)
    hook = load("compression", "channel-pruned-50-gradual").hooks(net)
    assert isinstance(hook, GradualChannelPruning)
    hook.after_step(0.1)
    depthwise = net[1].layers[1][1]
    early = int((depthwise.weight == 0).sum())
    for step in range(2, 201):
        hook.after_step(step / 200)
    assert 0 < early < int((depthwise.weight == 0).sum()) == 16
    x = torch.randn(2, 1, 32, 32)
    expected = net.eval()(x)
    hook.finish()
    torch.testing.assert_close(net(x), expected, rtol=1e-4, atol=1e-6)
    assert net[1].layers[1][0].groups == 16
    assert count_parameters(net) < whole


def test_gradual_pruning_refuses_folded_batch_normalisation() -> None:
    net = small_net()
    fold_batch_norm(net)
    with pytest.raises(UsageError, match="gradual channel pruning needs batch normalisation"):
        GradualChannelPruning(net, 0.5)


def test_folding_keeps_what_the_net_computes_and_may_be_done_twice() -> None:
    net = small_net()
    net(torch.randn(16, 1, 32, 32))
    x = torch.randn(2, 1, 32, 32)
    expected = net.eval()(x)
    torch.testing.assert_close(fold_batch_norm(fold_batch_norm(net))(x), expected, rtol=1e-3, atol=1e-5)
    assert not any(isinstance(layer, torch.nn.BatchNorm2d) for layer in net.modules())


def test_pruning_grows_to_its_share_in_every_layer_and_takes_the_smallest() -> None:
    net = small_net()
    first = next(prunable(net)).weight.detach().clone()
    hook = GradualWeightPruning(net, 0.8)
    hook.after_step(0.1)
    early = sparsity(net)
    for step in range(1, 201):
        hook.after_step(step / 200)
    assert 0 < early < sparsity(net)
    for layer in prunable(net):
        assert float((layer.weight == 0).float().mean()) == pytest.approx(0.8, abs=0.01)
    gone = next(prunable(net)).weight == 0
    assert first[gone].abs().max() <= first[~gone].abs().min()


def test_pruning_at_once_takes_the_whole_share_first_and_keeps_to_its_choice() -> None:
    net = small_net()
    hook = load("compression", "pruned-80-one-shot").hooks(net)
    assert isinstance(hook, OneShotWeightPruning)
    hook.after_step(0.01)
    gone = [layer.weight == 0 for layer in prunable(net)]
    assert all(float(zeros.float().mean()) == pytest.approx(0.8, abs=0.01) for zeros in gone)
    with torch.no_grad():
        for layer in prunable(net):
            layer.weight.add_(torch.randn_like(layer.weight))
    for step in range(2, 101):
        hook.after_step(step / 100)
    assert all(torch.equal(layer.weight == 0, zeros) for layer, zeros in zip(prunable(net), gone, strict=True))


def test_pruned_weights_stay_zero_while_the_net_learns() -> None:
    net = small_net()
    hook = GradualWeightPruning(net, 0.5)
    list(fit(net, noise(), noise(), TrainingConfig(epochs=2, batch=16), [hook]))
    for layer in prunable(net):
        assert float((layer.weight == 0).float().mean()) == pytest.approx(0.5, abs=0.01)


def test_fake_quantization_rounds_to_the_levels_of_int8_and_leaves_floats_behind() -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3, bias=False))
    floats = net[0].weight.detach().clone()
    hook = FakeQuantize(net)
    rounded = net[0].weight.detach()
    steps = rounded / (floats.abs().flatten(1).amax(1) / 127)[:, None, None, None]
    torch.testing.assert_close(steps, steps.round(), atol=1e-3, rtol=0)
    assert not torch.equal(rounded, floats)
    x = torch.rand(1, 1, 8, 8, requires_grad=True)
    net(x).sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0
    hook.finish()
    assert torch.equal(net[0].weight, floats)
    assert set(net.state_dict()) == {"0.weight"}


class Oracle(torch.nn.Module):
    """Tells pictures with one bright row (class 0) from those with one bright column (class 1)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 4 * torch.cat((x.mean(3).amax(2), x.mean(2).amax(2)), dim=1)


def test_a_net_learns_from_its_teacher_what_the_labels_do_not_show() -> None:
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 60, (512, 1, 32, 32)).astype(np.uint8)
    for place, image in enumerate(pixels):
        (image[0] if place % 2 else image[0].T)[generator.integers(4, 28)] = 255
    images = LabelledImages(torch.from_numpy(pixels), torch.from_numpy(generator.integers(0, 2, 512)))

    def agreement(teacher: torch.nn.Module | None) -> float:
        torch.manual_seed(7)
        student = classifier([ConvBNAct(1, 8, 3, 2), ConvBNAct(8, 8, 3, 2)], 8, 2, dropout=0.0)
        list(fit(student, images, images, TrainingConfig(epochs=4, batch=32), teacher=teacher))
        same = [(student(x).argmax(1) == Oracle()(x).argmax(1)).float() for x, _ in images.batches(64)]
        return float(torch.cat(same).mean())

    assert agreement(None) < 0.75
    assert agreement(Oracle()) > 0.95


@pytest.mark.parametrize(
    "hooked",
    [
        partial(GradualWeightPruning, share=0.5),
        partial(OneShotWeightPruning, share=0.5),
        partial(GradualChannelPruning, share=0.5),
        FakeQuantize,
    ],
)
def test_the_state_of_hooks_survives_an_interrupt(
    hooked: Callable[[torch.nn.Module], TrainingHooks], tmp_path: Path
) -> None:
    images, config = noise(64), TrainingConfig(epochs=3, batch=4, seed=1)

    def trained(resume: ResumePoint | None) -> dict[str, torch.Tensor]:
        net = small_net()
        hook = hooked(net)
        list(fit(net, images, images, config, [hook], resume=resume))
        hook.finish()
        return net.state_dict()

    resume, halved = ResumePoint(tmp_path / "net.kept.pt", {}), small_net()
    next(fit(halved, images, images, config, [hooked(halved)], resume=resume))
    whole, resumed = trained(None), trained(resume)
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())


def stop_after_the_first_epoch(log: Any, line: dict[str, Any]) -> None:
    if line.get("epoch") == 1:
        raise KeyboardInterrupt


@pytest.mark.parametrize("tuning", ["int8-qat", "channel-pruned-50+distilled", "pruned-80", "clustered-32"])
def test_a_fine_tuned_net_loads_as_it_was_saved_even_after_an_interrupt(
    tuning: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    variant = ModelVariant.parse(MODEL)
    torch.save(load("models", variant.family).net(variant).state_dict(), tmp_path / f"{MODEL}.pt")
    monkeypatch.setattr(LabelledImages, "load", lambda folder, split: noise(128))
    target = Checkpoint(tmp_path, MODEL, tuning)
    tune(target, tmp_path, Checkpoint(tmp_path, MODEL), seed=0)
    assert set(target.header["settings"]) == set(tuning.split("+"))
    assert ("teacher" in target.header) == ("distilled" in tuning)
    last = target.log.read_text().splitlines()[-1]
    assert f'"parameters": {count_parameters(target.net())}' in last
    assert pack_hits(hits(target.net(), noise(128))) in last
    first = target.net().state_dict()
    if tuning != "clustered-32":  # which has no epoch to be interrupted after
        with monkeypatch.context() as halfway:
            halfway.setattr("suites.preparation.training.tune.log_line", stop_after_the_first_epoch)
            with pytest.raises(KeyboardInterrupt):
                tune(target, tmp_path, Checkpoint(tmp_path, MODEL), seed=0)
        assert target.resume_path.is_file()
    tune(target, tmp_path, Checkpoint(tmp_path, MODEL), seed=0)
    assert not target.resume_path.exists()
    assert target.log.read_text().splitlines()[-1] == last
    assert all(torch.equal(value, first[name]) for name, value in target.net().state_dict().items())


def test_every_setting_that_trains_has_parameters() -> None:
    for setting in load_all("compression").values():
        if setting.needs_training:
            assert setting.parameters()


def test_shared_values_are_few_and_near() -> None:
    values = torch.randn(5000, generator=torch.Generator().manual_seed(0))
    clustered = cluster_values(values, 32)
    assert 24 <= len(clustered.unique()) <= 32
    # Better than the even start it begins from.
    even = torch.linspace(float(values.min()), float(values.max()), 32)
    nearest = even[(values[:, None] - even).abs().argmin(1)]
    assert (clustered - values).square().mean() < 0.9 * (nearest - values).square().mean()


def test_two_values_stay_as_they_are() -> None:
    values = torch.tensor([-1.0, -1.0, 3.0])
    assert torch.equal(cluster_values(values, 2), values)
