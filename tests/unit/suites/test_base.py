"""Names, rounding and the facts of the families: none of it needs torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import suites
from harness.core.errors import UsageError
from harness.core.plugins import load_all
from suites.models.base import ModelFamily, ModelVariant, make_divisible

FAMILIES: dict[str, ModelFamily] = load_all("models")


def test_a_name_is_family_width_and_resolution() -> None:
    variant = ModelVariant.parse("mobilenet_v2-0.35-32")
    assert variant == ModelVariant("mobilenet_v2", 0.35, 32)
    assert str(variant) == "mobilenet_v2-0.35-32"


@pytest.mark.parametrize("name", ["mobilenet_v2", "mobilenet_v2-1.0", "MobileNet-1.0-224", "a-1.0-224-x", "a--1-224"])
def test_another_form_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(UsageError, match=r"mobilenet_v2-0\.35-32"):
        ModelVariant.parse(name)


def test_small_pictures_are_grey_with_ten_classes_and_keep_their_size_in_the_stem() -> None:
    small, large = ModelVariant.parse("mobilenet_v2-0.35-32"), ModelVariant.parse("mobilenet_v2-1.0-224")
    assert (small.input_shape, small.classes, small.stem_stride) == ((1, 32, 32), 10, 1)
    assert (large.input_shape, large.classes, large.stem_stride) == ((3, 224, 224), 1000, 2)
    assert [ModelVariant("mobilenet_v2", 1.0, edge).embedded for edge in (64, 65)] == [True, False]


@pytest.mark.parametrize(
    ("channels", "rounded"),
    [(32 * 0.35, 16), (24 * 0.35, 8), (320 * 0.35, 112), (1.0, 8), (64.0, 64), (12.0, 16), (79.0, 80), (75.0, 72)],
)
def test_channels_round_to_multiples_of_eight_losing_at_most_a_tenth(channels: float, rounded: int) -> None:
    assert make_divisible(channels) == rounded
    assert rounded >= 0.9 * channels


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_registered_under_its_name_with_source_and_published_counts(name: str) -> None:
    family = FAMILIES[name]
    assert family.name == name
    assert len(family.paper.split(".")) == 2
    assert {(row.width, row.resolution) for row in family.published} <= {
        (width, resolution) for width in family.widths for resolution in family.resolutions
    }
    for row in family.published:
        # The papers round to two digits.
        assert row.note or row.parameters == pytest.approx(row.paper_parameters, rel=0.028)
        assert row.parameters == pytest.approx(row.paper_parameters, rel=0.07)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_outputs_of_every_family_were_compared_with_another_implementation(name: str) -> None:
    page = (Path(suites.__file__).parents[1] / "docs" / "models.md").read_text(encoding="utf-8")
    compared = page.partition("## Outputs")[2]
    assert f"| `{name}-" in compared


def test_facts_are_read_without_importing_torch() -> None:
    code = (
        "import sys; from harness.core.plugins import load_all; "
        "assert load_all('models') and load_all('compression'); "
        "sys.exit(any(m in sys.modules for m in ('torch', 'onnx', 'onnxruntime', 'ai_edge_quantizer')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
