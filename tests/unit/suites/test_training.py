"""The training's data and loop, on pictures made here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.prepare

from harness.core.errors import UsageError  # noqa: E402
from harness.datasets.dataset import open_dataset  # noqa: E402
from harness.datasets.preprocessing import preprocess  # noqa: E402
from suites.preparation.training import fashion_mnist  # noqa: E402
from suites.preparation.training.fashion_mnist import DATA, LabelledImages, ModelInputs, augment, normalise, read_idx  # noqa: E402  # noqa: E402
from suites.preparation.training.training_loop import ResumePoint, TrainingConfig, fit, top1  # noqa: E402  # noqa: E402


def bars(count: int, seed: int) -> LabelledImages:
    """Bright rows (class 0) or columns (class 1) at random places, with noise."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 2, count)
    pixels = generator.integers(0, 60, (count, 1, 32, 32))
    for image, label in zip(pixels, labels, strict=True):
        place = generator.integers(4, 28)
        (image[0] if label == 0 else image[0].T)[place] = 255
    return LabelledImages(torch.from_numpy(pixels.astype(np.uint8)), torch.from_numpy(labels))


def small_net() -> torch.nn.Module:
    from suites.nn import ConvBNAct, classifier

    torch.manual_seed(0)
    return classifier([ConvBNAct(1, 8, 3, 2), ConvBNAct(8, 8, 3, 2)], 8, 2, dropout=0.0)


def test_the_nets_train_on_what_the_harness_feeds_them() -> None:
    folder = DATA / "calibration"
    trained = normalise(LabelledImages.load(folder, "train").pixels).numpy()
    how = ModelInputs("onnx").how
    fed = np.stack([preprocess(image, how) for image, _ in open_dataset("idx", folder).items()])
    np.testing.assert_allclose(trained, fed, atol=1e-6)


def test_augmentation_moves_and_mirrors_within_the_border() -> None:
    pixels = torch.zeros(400, 1, 32, 32, dtype=torch.uint8)
    pixels[:, 0, 10, 12] = 1
    places = augment(pixels, torch.Generator().manual_seed(0)).nonzero()[:, 2:]
    rows, columns = places.T.tolist()
    assert len(places) == 400
    assert set(rows) == {8, 9, 10, 11, 12}
    assert set(columns) == {10, 11, 12, 13, 14} | {17, 18, 19, 20, 21}


def test_a_net_learns_to_tell_rows_from_columns_and_again_the_same() -> None:
    def run() -> list[tuple[float, float]]:
        net = small_net()
        config = TrainingConfig(epochs=4, batch=32, seed=1)
        epochs = list(fit(net, bars(512, 0), bars(200, 1), config))
        assert epochs[-1].test_top1 == top1(net, bars(200, 1))
        return [(epoch.loss, epoch.test_top1) for epoch in epochs]

    first = run()
    assert first[-1][1] > 0.95
    assert first == run()


def test_an_interrupted_training_ends_where_a_whole_one_does(tmp_path: Path) -> None:
    config, kept = TrainingConfig(epochs=3, batch=32, seed=1), ResumePoint(tmp_path / "net.kept.pt", {"epochs": 3})
    whole, halved = small_net(), small_net()
    expected = [epoch.loss for epoch in fit(whole, bars(128, 0), bars(50, 1), config)]
    next(fit(halved, bars(128, 0), bars(50, 1), config, kept=kept))
    torch.manual_seed(99)
    resumed = small_net()
    assert [epoch.loss for epoch in fit(resumed, bars(128, 0), bars(50, 1), config, kept=kept)] == expected
    for name, weights in whole.state_dict().items():
        assert torch.equal(weights, resumed.state_dict()[name]), name


def test_another_training_is_not_taken_up(tmp_path: Path) -> None:
    config, path = TrainingConfig(epochs=1, batch=32), tmp_path / "net.kept.pt"
    list(fit(small_net(), bars(64, 0), bars(50, 1), config, kept=ResumePoint(path, {"model": "a"})))
    with pytest.raises(UsageError, match=r"was kept by another training: .*'model': 'a'") as raised:
        fit(small_net(), bars(64, 0), bars(50, 1), config, kept=ResumePoint(path, {"model": "b"}))
    assert "remove it" in raised.value.remedy


def test_the_calibration_set_is_balanced_and_seeded() -> None:
    labels = np.random.default_rng(3).integers(0, 10, 6000).astype(np.uint8)
    indices = fashion_mnist.calibration_indices(labels)
    counts = np.bincount(labels[indices], minlength=10)
    assert len(set(indices.tolist())) == 512
    assert (counts.min(), counts.max()) == (51, 52)
    assert (indices == fashion_mnist.calibration_indices(labels)).all()


def test_idx_files_are_written_as_they_are_read(tmp_path: Path) -> None:
    values = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    fashion_mnist.write_idx(tmp_path / "a.gz", values)
    assert (read_idx(tmp_path / "a.gz") == values).all()


def test_a_file_of_another_kind_is_no_idx_file(tmp_path: Path) -> None:
    import gzip

    (tmp_path / "a.gz").write_bytes(gzip.compress(b"\x89PNG and more"))
    with pytest.raises(ValueError, match="no idx file of bytes"):
        read_idx(tmp_path / "a.gz")
