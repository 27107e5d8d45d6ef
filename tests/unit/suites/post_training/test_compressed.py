"""Compressed files: built once, found again, and what is said where they cannot be built."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.core.artifact import Format
from harness.core.errors import DataError, ModelError, UsageError
from suites.compression.base import Calibration, Compression, FormatSupport
from suites.post_training import CompressedModel, chosen, onnx_to_tflite
from suites.post_training.build_cache import BuildCache
from suites.user_model import UserModel

from .photos import HOW, fashion, plain, shipped, split_of


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


class Copied(Compression):
    name = "copied"
    description = "a copy"
    formats: Mapping[Format, FormatSupport] = {"onnx": FormatSupport("as before")}

    def build_onnx(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        out.write_bytes(source.read_bytes())

    build_tflite = build_onnx


class Missing(Copied):
    name = "missing"
    formats: Mapping[Format, FormatSupport] = {"onnx": FormatSupport("never", ("no-such-distribution",))}


class Broken(Copied):
    name = "broken"

    def build_onnx(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        raise KeyError("inside")


class Calibrated(Copied):
    name = "calibrated"
    needs_calibration = True


def test_a_file_is_built_once_and_again_when_it_was_damaged(tmp_path: Path) -> None:
    told: list[str] = []
    builds = BuildCache(tmp_path, told.append)
    made = builds.artifact(Copied(), shipped("fp32"), None)
    assert builds.artifact(Copied(), shipped("fp32"), None) == made
    assert told == [f"building {made.path.name}"]
    made.path.write_bytes(b"damaged")
    assert builds.artifact(Copied(), shipped("fp32"), None) == made
    assert len(told) == 2


def test_another_source_is_another_file(tmp_path: Path) -> None:
    builds = BuildCache(tmp_path, print)
    other = tmp_path / "fp32.onnx"
    other.write_bytes(b"another net")
    assert builds.artifact(Copied(), shipped("fp32"), None).path != builds.artifact(Copied(), other, None).path


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        (Missing(), r"needs no-such-distribution, not installed: pip install 'edgebench\[compress\]'"),
        (Broken(), "broken cannot be made of this net: KeyError: 'inside'"),
        (Calibrated(), "needs images for calibration: give some with --data"),
    ],
)
def test_what_cannot_be_built_is_said(tmp_path: Path, setting: Compression, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        BuildCache(tmp_path, print).artifact(setting, shipped("fp32"), None)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def net(settings: str = "all", kind: str = "onnx", images: Path | None = None) -> CompressedModel:
    return CompressedModel(
        UserModel(shipped("fp32", kind)), chosen(settings), split_of(images) if images else None, HOW
    )


def test_a_tflite_is_no_start() -> None:
    with pytest.raises(ModelError, match=r"starts from a float \.onnx"):
        net(kind="tflite")


def test_images_of_other_classes_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    with pytest.raises(DataError, match="the model has 10 outputs, the data set 2 classes"):
        net(images=plain(tmp_path / "pets", {"cat": 3, "dog": 3}))


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    with pytest.raises(DataError, match="no images below"):
        net(images=plain(tmp_path / "none", {"cat": 0}))


def test_every_setting_has_a_case_on_every_runtime() -> None:
    model = net("fp16,int8-static")
    cases = model.cases(["onnxruntime-cpu", "litert-xnnpack"], [1, 2], None)
    assert len(cases) == 3 * 2 * 2
    assert {case.weights for case in cases} == {"user"}
    with pytest.raises(ModelError, match="none of the runtimes"):
        model.cases(["torchscript"], [1], None)


def test_without_images_only_settings_that_calibrate_are_refused() -> None:
    pytest.importorskip("onnx")
    model = net()
    for setting, case in zip(chosen("all"), model.cases(["onnxruntime-cpu"], [1], None), strict=True):
        if setting.needs_calibration:
            with pytest.raises(UsageError, match="give some with --data"):
                model.artifact(case, "onnx")
        else:
            assert model.artifact(case, "onnx").size_bytes > 100_000


def test_the_recipe_tells_of_source_and_split(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    model = net("bf16", images=fashion(tmp_path / "photos", 100))
    _, case = model.cases(["onnxruntime-cpu"], [1], "own")
    recipe = model.artifact(case, "onnx").recipe
    assert recipe["source_sha256"] == recipe["parent_sha256"]
    assert recipe["split"]["calibration_images"] + recipe["split"]["scored_images"] == 100
    assert recipe["calibration_sha256"] is None
    assert json.loads(json.dumps(recipe)) == recipe


def test_a_format_that_a_setting_does_not_make_has_its_reason() -> None:
    model = net("int8-static-entropy")
    _, case = model.cases(["litert-xnnpack"], [1], None)
    with pytest.raises(ModelError, match=r"does not support \.tflite: ai-edge-quantizer"):
        model.artifact(case, "tflite")
    with pytest.raises(UsageError, match=r"does not build \.torchscript"):
        model.artifact(case, "torchscript")


def onnx2tf(folder: Path, monkeypatch: pytest.MonkeyPatch, makes: Path | None) -> None:
    """A program of that name that gives out a file as its own work, or fails."""
    folder.mkdir()
    program = folder / "onnx2tf"
    work = f'cp {makes} "$4/fp32_float32.tflite"' if makes else "echo no such layer >&2; exit 1"
    program.write_text(f'#!/bin/sh\ntest "$1" = --version && echo 9.9 && exit\n{work}\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_litert_needs_onnx2tf_and_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_to_tflite.shutil, "which", lambda *_, **__: None)
    model = net("fp32")
    (case,) = model.cases(["litert-xnnpack"], [1], None)
    with pytest.raises(UsageError, match=r"onnx2tf, which is not installed: pipx install onnx2tf \(needs Python 3\.12"):
        model.artifact(case, "tflite")


def test_a_converted_file_is_checked_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    onnx2tf(tmp_path / "bin", monkeypatch, shipped("fp32", "tflite"))
    model = net("fp32")
    (case,) = model.cases(["litert-xnnpack"], [1], None)
    made = model.artifact(case, "tflite")
    assert made.recipe["converter"] == "onnx2tf 9.9"
    assert made.path.read_bytes() == shipped("fp32", "tflite").read_bytes()
    onnx2tf(tmp_path / "broken", monkeypatch, None)
    assert onnx_to_tflite.is_intact(made.path)


def test_a_conversion_that_fails_or_computes_otherwise_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnx2tf(tmp_path / "failing", monkeypatch, None)
    with pytest.raises(UsageError, match="onnx2tf cannot convert it: no such layer"):
        onnx_to_tflite.converted(shipped("fp32"), tmp_path / "out")
    onnx2tf(tmp_path / "wrong", monkeypatch, shipped("pruned-80", "tflite"))
    with pytest.raises(UsageError, match="computes something else"):
        onnx_to_tflite.converted(shipped("fp32"), tmp_path / "out")
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
