"""Shipped files come out the same when they are made again."""

from __future__ import annotations

import pytest

from harness.cli import main
from harness.core.errors import UnknownName, UsageError
from harness.core.plugins import load_all
from suites.artifacts import catalog
from suites.compression.base import Chain
from suites.preparation.rebuild import RebuildResult, rebuild

MODEL = "mobilenet_v2-0.35-32"
"""The one that ships under most settings."""

POST_TRAINING = sorted(
    (setting, kind)
    for model, setting, kind in catalog.shipped()
    if model == MODEL and setting != "fp32" and setting in load_all("compression")
    if not load_all("compression")[setting].needs_training
)


def test_what_a_setting_that_trains_starts_from_does_not_ship() -> None:
    for setting in ("int8-qat", "channel-pruned-50", "channel-pruned-50+distilled+int8-static"):
        with pytest.raises(UsageError, match="checkpoint that does not ship") as raised:
            rebuild(MODEL, setting, "onnx")
        assert (
            f"suites.preparation.training.tune {MODEL} {Chain.parse(setting).fine_tuning_name}" in raised.value.remedy
        )


def test_a_file_that_does_not_ship_is_named() -> None:
    with pytest.raises(UnknownName, match="int8-sttic onnx"):
        rebuild(MODEL, "int8-sttic", "onnx")


@pytest.mark.parametrize(
    ("top1", "reproduced", "words"),
    [(None, True, "identical"), (0.928, True, "+0.20 points"), (0.9237, False, "NOT reproduced: other bytes")],
)
def test_other_bytes_are_reproduced_within_a_fifth_of_a_point(top1: float | None, reproduced: bool, words: str) -> None:
    again = RebuildResult("0" * 64, top1 is None, 0.926, top1, {"onnx": ("1.0", None)})
    assert again.reproduced == reproduced
    assert words in str(again)
    assert "onnx missing for 1.0" in str(again)


@pytest.mark.prepare
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize(("setting", "kind"), POST_TRAINING)
def test_every_post_training_setting_is_reproduced(setting: str, kind: str) -> None:
    assert len(POST_TRAINING) >= 12
    again = rebuild(MODEL, setting, kind)  # type: ignore[arg-type]
    assert again.reproduced, str(again)
    # These tools are deterministic on one kind of machine: by the same recipe the bytes are the same.
    assert again.identical or again.other, str(again)


@pytest.mark.prepare
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_the_float_net_is_reproduced_from_its_checkpoint() -> None:
    again = rebuild(MODEL, "fp32", "onnx")
    assert again.reproduced, str(again)


@pytest.mark.prepare
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_the_command_rebuilds_a_composition(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["artifacts", "rebuild", MODEL, "channel-pruned-50+int8-static", "--format", "onnx"]
    assert main(arguments) == 0
    assert "channel-pruned-50+int8-static onnx: " in capsys.readouterr().out
