"""Filling on a made-up file of two tensors: no model format is involved in it."""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.errors import SetupError, UnknownName
from suites.skeletons.fill import fill
from suites.skeletons.manifest import Skeleton, Slot, Tensor, available, find, save
from suites.skeletons.weights import encode, integers

SEED = 11
CONV, DENSE = Tensor((4, 3, 3, 3), 0.5), Tensor((10, 4), 0.125)


def finished_file() -> tuple[bytes, bytes, tuple[Slot, ...]]:
    """A complete file, the same without its weights, and the slots between."""
    first = encode(integers(SEED, 0, CONV.shape), "float32", CONV.scale, (0, 2, 3, 1))
    second = encode(integers(SEED, 1, DENSE.shape), "int8", DENSE.scale, (0, 1))
    slots = (Slot(4, 0, "float32", (0, 2, 3, 1)), Slot(4 + len(first) + 6, 1, "int8", (0, 1)))
    return b"head" + first + b"middle" + second + b"tail", b"headmiddletail", slots


@pytest.fixture
def skeleton(tmp_path: Path) -> Skeleton:
    finished, graph, slots = finished_file()
    made = Skeleton(
        model="toy-1.0-8",
        compression="fp32",
        format="onnx",
        parameters=148,
        macs=1000,
        input_shape=(1, 3, 8, 8),
        input_dtype="float32",
        layout="NCHW",
        graph="toy.z",
        size_bytes=len(finished),
        sha256=hashlib.sha256(finished).hexdigest(),
        seed=SEED,
        tensors=(CONV, DENSE),
        slots=slots,
    )
    graphs = tmp_path / "graphs"
    graphs.mkdir()
    (graphs / "toy.z").write_bytes(zlib.compress(graph))
    save(graphs / "toy-1.0-8.json", [made])
    return made


def filled(tmp_path: Path) -> Path:
    return fill("toy-1.0-8", "fp32", "onnx", tmp_path / "cache", graphs=tmp_path / "graphs")


def test_the_table_reads_back_as_it_was_saved(skeleton: Skeleton, tmp_path: Path) -> None:
    assert available(tmp_path / "graphs") == [skeleton]
    assert find("toy-1.0-8", "fp32", "onnx", tmp_path / "graphs") == skeleton


def test_filling_gives_the_finished_file_under_a_name_with_its_hash(skeleton: Skeleton, tmp_path: Path) -> None:
    path = filled(tmp_path)
    assert path.read_bytes() == finished_file()[0]
    assert path.name == f"toy-1.0-8-fp32-{skeleton.sha256[:12]}.onnx"
    assert list((tmp_path / "cache").iterdir()) == [path]


@pytest.mark.usefixtures("skeleton")
def test_a_second_call_takes_the_file_from_the_cache(tmp_path: Path) -> None:
    first = filled(tmp_path).stat()
    (tmp_path / "graphs" / "toy.z").unlink()
    assert filled(tmp_path).stat().st_mtime_ns == first.st_mtime_ns


@pytest.mark.usefixtures("skeleton")
def test_a_damaged_file_in_the_cache_is_made_anew(tmp_path: Path) -> None:
    path = filled(tmp_path)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert filled(tmp_path).read_bytes() == finished_file()[0]


@pytest.mark.usefixtures("skeleton")
@pytest.mark.parametrize("damage", [b"", b"not compressed", zlib.compress(b"headmiddle")])
def test_a_damaged_graph_is_named_and_leaves_nothing(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "graphs" / "toy.z").write_bytes(damage)
    with pytest.raises(SetupError, match=r"toy"):
        filled(tmp_path)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        {"seed": SEED + 1},
        {"tensors": (CONV, replace(CONV, scale=2.0))},
        {"slots": (Slot(4, 7, "float32", (0, 2, 3, 1)),)},
        {"slots": (Slot(4, 0, "float16", (0, 2, 3, 1)),)},
        {"slots": (Slot(4, 0, "float32", (0, 1)),)},
    ],
)
def test_a_changed_table_never_yields_a_model(skeleton: Skeleton, tmp_path: Path, change: dict[str, object]) -> None:
    save(tmp_path / "graphs" / "toy-1.0-8.json", [replace(skeleton, **change)])  # type: ignore[arg-type]
    with pytest.raises(SetupError, match=r"toy-1\.0-8 fp32 onnx.*\n.*install edgebench again"):
        filled(tmp_path)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.usefixtures("skeleton")
@pytest.mark.parametrize("content", ["{", "[]", '{"schema": 1}', '{"schema": 99, "files": []}'])
def test_a_table_that_cannot_be_read_is_named(tmp_path: Path, content: str) -> None:
    table = tmp_path / "graphs" / "toy-1.0-8.json"
    table.write_text(content, encoding="utf-8")
    with pytest.raises(SetupError, match=r"toy-1\.0-8\.json: damaged table"):
        filled(tmp_path)


def test_an_unknown_field_in_the_table_is_refused(skeleton: Skeleton, tmp_path: Path) -> None:
    table = tmp_path / "graphs" / f"{skeleton.model}.json"
    document = json.loads(table.read_text(encoding="utf-8"))
    document["files"][0]["surprise"] = 1
    table.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(SetupError, match="surprise"):
        available(tmp_path / "graphs")


def test_an_unknown_net_or_form_is_answered_with_what_there_is(skeleton: Skeleton, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=f"did you mean '{skeleton.model}'"):
        find("toy-1.0-9", "fp32", "onnx", tmp_path / "graphs")
    with pytest.raises(UnknownName, match="fp32 onnx"):
        find(skeleton.model, "fp32", "tflite", tmp_path / "graphs")
