"""Ranges of activations that cut outliers off, and files made with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from suites.compression import ort_quantizer

RNG = np.random.default_rng(0)
BULK = RNG.normal(size=200_000).astype(np.float32)


def found(values: NDArray[np.float32], method: str) -> tuple[float, float]:
    """The range of one activation, seen in four images."""

    def images() -> Iterator[dict[str, NDArray[np.float32]]]:
        return ({"x": piece} for piece in np.split(values, 4))

    low, high = ort_quantizer.activation_ranges(images, method)["x"]
    assert low.dtype == high.dtype == np.float32
    return float(low), float(high)


def test_the_percentile_cuts_each_end() -> None:
    spread = np.concatenate([np.linspace(0, 10, 39_996, dtype=np.float32), np.float32([-90, -90, 90, 90])])
    low, high = found(spread, "Percentile")
    assert -0.4 <= low <= 0.1
    assert 9.9 <= high <= 10.6


def test_entropy_gives_up_a_lonely_outlier_and_keeps_an_even_spread() -> None:
    assert found(np.append(BULK[:-1], np.float32(40)), "Entropy")[1] < 25
    even = RNG.uniform(-1, 1, 200_000).astype(np.float32)
    low, high = found(even, "Entropy")
    assert low < -0.95
    assert high > 0.95


def test_zeros_do_not_move_the_entropy_range() -> None:
    positive = np.abs(BULK)
    with_zeros = np.concatenate([positive, np.zeros(600_000, np.float32)])
    assert found(with_zeros, "Entropy")[1] == found(positive, "Entropy")[1]


@pytest.mark.parametrize("method", ["Entropy", "Percentile"])
def test_a_range_stays_within_what_was_seen(method: str) -> None:
    low, high = found(np.abs(BULK), method)
    assert np.abs(BULK).min() <= low < high <= BULK.max() * 1.01
    assert found(np.zeros(8, np.float32), method) == (0, 0)


def test_a_histogram_of_as_many_bins_as_steps_diverges_by_nothing() -> None:
    counts = np.zeros(ort_quantizer.BINS, np.int64)
    counts[: ort_quantizer.LEVELS] = RNG.integers(1, 100, ort_quantizer.LEVELS)
    assert ort_quantizer.kl_divergence(counts, ort_quantizer.LEVELS) == pytest.approx(0, abs=1e-12)
    assert ort_quantizer.kl_divergence(counts, ort_quantizer.BINS) > 0.01


def outputs(model: Path, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the outputs of the harness's session, image by image; it converts integer inputs and outputs."""
    from harness.core.plugins import load
    from harness.runtimes.base import Options

    session = load("runtimes", "onnxruntime-cpu").open(model, Options())
    (spec,) = session.inputs
    rows = []
    for image in images:
        session.prepare({spec.name: spec.encode(image[None])})
        session.infer()
        rows.append(next(iter(session.fetch().values())).ravel())
    return np.stack(rows)


@pytest.mark.parametrize(
    ("name", "least_db", "kind"),
    [
        ("bf16", 40, "float32"),
        ("int16x8", 30, "float32"),
        ("int8-static-io8", 20, "uint8"),
        ("int8-static-percentile", 20, "float32"),
        ("int8-static-entropy", 12, "float32"),
    ],
)
def test_settings_of_onnx_alone_stay_close_to_the_float_net(
    tmp_path: Path, name: str, least_db: float, kind: str
) -> None:
    pytest.importorskip("onnx")
    from harness.core.artifact import Preprocess
    from harness.core.plugins import load
    from harness.runtimes.base import Options
    from suites.artifacts import catalog
    from suites.artifacts.evaluate import labelled

    entry = catalog.shipped()["mobilenet_v2-0.35-32", "fp32", "onnx"]
    images = labelled(catalog.DATA / "fashion-mnist" / "calibration", Preprocess.from_json(entry["preprocess"]))[0][:16]
    source = catalog.ARTIFACTS / entry["file"]
    made = load("compression", name).build(source, images, tmp_path / "made.onnx")
    expected, actual = outputs(source, images), outputs(made.path, images)
    noise = np.square(actual - expected).sum()
    assert 10 * np.log10(np.square(expected).sum() / noise) > least_db
    (spec,) = load("runtimes", "onnxruntime-cpu").open(made.path, Options()).inputs
    assert spec.dtype == kind
    assert made.size_bytes < 0.6 * source.stat().st_size


def test_bf16_rounds_to_the_nearest_and_ties_to_even() -> None:
    from suites.compression.bf16 import round_to_bf16

    values = np.array([1.0, 1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-16, -2.5, 0.0], np.float32)
    back = (round_to_bf16(values).astype(np.uint32) << 16).view(np.float32)
    assert back.tolist() == [1.0, 1.0, 1 + 2**-6, 1 + 2**-7, -2.5, 0.0]
