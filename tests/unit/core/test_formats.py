"""Formats of model files: known by their names, made of one file or of several, hashed whole."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import get_args

import pytest

from harness.core.artifact import FORMATS, SHIPPED_FORMATS, Format, files_of, format_of, sha256_of, size_of


def test_the_table_is_whole_and_unambiguous() -> None:
    assert set(FORMATS) == set(get_args(Format))
    suffixes = [suffix for facts in FORMATS.values() for suffix in facts.suffixes]
    assert len(suffixes) == len(set(suffixes))
    assert set(FORMATS) > SHIPPED_FORMATS
    assert all(bool(facts.suffixes) != bool(facts.marker) for facts in FORMATS.values())


@pytest.mark.parametrize(
    ("name", "expected"), [("a.onnx", "onnx"), ("a.b.pte", "executorch"), ("a.bin", None), ("a", None)]
)
def test_a_file_is_known_by_its_suffix(name: str, expected: str | None) -> None:
    assert format_of(Path(name)) == expected


def test_one_file_has_its_own_hash(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"net")
    assert sha256_of(path) == hashlib.sha256(b"net").hexdigest()
    assert (files_of(path), size_of(path)) == ([path], 3)


def test_the_parts_of_a_model_belong_to_its_hash_and_size(tmp_path: Path) -> None:
    graph, weights = tmp_path / "m.xml", tmp_path / "m.bin"
    graph.write_bytes(b"graph")
    alone = sha256_of(graph)
    weights.write_bytes(b"weights")
    whole = sha256_of(graph)
    assert files_of(graph) == [graph, weights]
    assert size_of(graph) == 12
    weights.write_bytes(b"changed")
    assert len({alone, whole, sha256_of(graph)}) == 3


def test_a_folder_is_a_model_by_its_marker(tmp_path: Path) -> None:
    folder = tmp_path / "net"
    (folder / "variables").mkdir(parents=True)
    assert format_of(folder) is None
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "v.data").write_bytes(b"weights")
    assert format_of(folder) == "savedmodel"
    assert size_of(folder) == 12
    before = sha256_of(folder)
    folder.rename(tmp_path / "other name")
    assert sha256_of(tmp_path / "other name") == before
