"""The graphs as shipped: small, complete, and working nets once filled."""

from __future__ import annotations

import re
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.accuracy.score import sqnr_db
from harness.core.errors import ModelError
from harness.core.quantity import Value
from suites.models.base import Variant
from suites.skeletons import available, check, fill, find
from suites.skeletons.fill import pieces
from suites.skeletons.manifest import GRAPHS

NET = "mobilenet_v2-1.0-224"
FORMS = {("fp32", "onnx"), ("fp32", "tflite"), ("int8-static", "onnx"), ("int8-static", "tflite")}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("filled")


@pytest.fixture(scope="module")
def reference(cache: Path) -> NDArray[np.float32]:
    return check(fill(NET, "fp32", "onnx", cache))


def sqnr(got: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
    ratio = sqnr_db(got, reference)
    assert isinstance(ratio, Value)
    return ratio.value


def test_each_of_the_eight_nets_ships_in_four_forms() -> None:
    forms: dict[str, set[tuple[str, str]]] = {}
    for skeleton in available():
        forms.setdefault(skeleton.model, set()).add((skeleton.compression, skeleton.format))
    assert len(forms) == 8
    assert all(of_model == FORMS for of_model in forms.values())


def test_all_that_ships_stays_under_two_megabytes() -> None:
    assert sum(path.stat().st_size for path in GRAPHS.iterdir()) < 2e6


def test_no_graph_holds_a_path_of_the_machine_it_was_made_on() -> None:
    path_like = re.compile(rb"/(?:home|root|tmp|usr|work|opt)/|\.py\b")
    assert [g.name for g in GRAPHS.glob("*.z") if path_like.search(zlib.decompress(g.read_bytes()))] == []


def test_inputs_are_one_picture_of_the_named_resolution_in_floats() -> None:
    for skeleton in available():
        channels, height, width = Variant.parse(skeleton.model).input_shape
        images = (1, channels, height, width) if skeleton.layout == "NCHW" else (1, height, width, channels)
        assert (skeleton.input_shape, skeleton.input_dtype) == (images, "float32")


def test_both_float_files_are_one_net(cache: Path, reference: NDArray[np.float32]) -> None:
    assert sqnr(check(fill(NET, "fp32", "tflite", cache)), reference) > 60


@pytest.mark.parametrize("file_format", ["onnx", "tflite"])
def test_the_int8_net_answers_as_the_float_one(cache: Path, reference: NDArray[np.float32], file_format: str) -> None:
    assert sqnr(check(fill(NET, "int8-static", file_format, cache)), reference) > 5


@pytest.mark.parametrize("file_format", ["onnx", "tflite"])
def test_a_net_whose_weights_vanish_is_found_out(tmp_path: Path, file_format: str) -> None:
    skeleton = find(NET, "fp32", file_format)
    graph = zlib.decompress((GRAPHS / skeleton.graph).read_bytes())
    dead = replace(skeleton, tensors=tuple(replace(t, scale=t.scale * 1e-3) for t in skeleton.tensors))
    path = tmp_path / f"dead.{file_format}"
    path.write_bytes(b"".join(pieces(dead, graph)))
    with pytest.raises(ModelError, match="dead net"):
        check(path)
