"""Unpacking, on a made-up file: no model format is involved in it."""

from __future__ import annotations

import hashlib
import json
import lzma
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from harness.core.errors import SetupError, UnknownName
from suites.artifacts.synthetic.files import MANIFEST, ModelFile, available, find

CONTENT = b"weights" * 1000
FILE = ModelFile("toy-1.0-8", "fp32", "onnx", len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), 148, 1000, {})


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / FILE.packed).write_bytes(lzma.compress(CONTENT))
    (folder / MANIFEST).write_text(json.dumps({"files": [asdict(FILE)]}), encoding="utf-8")
    return folder


def test_the_manifest_reads_back_as_it_was_written(models: Path) -> None:
    assert dict(available(models)) == {("toy-1.0-8", "fp32", "onnx"): FILE}
    assert find("toy-1.0-8", "fp32", "onnx", models) == FILE


def test_unpacking_gives_the_file_under_a_name_with_its_hash(models: Path, tmp_path: Path) -> None:
    path = FILE.unpack(tmp_path / "cache", models)
    assert path.read_bytes() == CONTENT
    assert path.name == f"toy-1.0-8-fp32-{FILE.sha256[:12]}.onnx"
    assert list((tmp_path / "cache").iterdir()) == [path]


def test_a_second_call_takes_the_file_from_the_cache(models: Path, tmp_path: Path) -> None:
    first = FILE.unpack(tmp_path, models).stat()
    (models / FILE.packed).unlink()
    assert FILE.unpack(tmp_path, models).stat().st_mtime_ns == first.st_mtime_ns


def test_a_damaged_file_in_the_cache_is_unpacked_again(models: Path, tmp_path: Path) -> None:
    path = FILE.unpack(tmp_path, models)
    path.write_bytes(CONTENT[:-1] + b"?")
    assert FILE.unpack(tmp_path, models).read_bytes() == CONTENT


@pytest.mark.parametrize(
    "damage", [b"", b"not compressed", lzma.compress(CONTENT)[:-20], lzma.compress(CONTENT[:-1] + b"?")]
)
def test_a_damaged_shipped_file_is_named_and_leaves_nothing(models: Path, tmp_path: Path, damage: bytes) -> None:
    (models / FILE.packed).write_bytes(damage)
    with pytest.raises(SetupError, match=r"toy-1\.0-8\.fp32\.onnx\.xz.*\n.*install edgebench again"):
        FILE.unpack(tmp_path / "cache", models)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_missing_shipped_file_is_named(models: Path, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"toy-1\.0-9\.fp32\.onnx\.xz"):
        replace(FILE, model="toy-1.0-9").unpack(tmp_path, models)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"files": [{"surprise": 1}]}'])
def test_a_manifest_that_cannot_be_read_is_named(models: Path, content: str) -> None:
    (models / MANIFEST).write_text(content, encoding="utf-8")
    with pytest.raises(SetupError, match=r"manifest\.json: damaged manifest"):
        available(models)


def test_an_unknown_net_or_form_is_answered_with_what_there_is(models: Path) -> None:
    with pytest.raises(UnknownName, match=r"did you mean 'toy-1\.0-8'"):
        find("toy-1.0-9", "fp32", "onnx", models)
    with pytest.raises(UnknownName, match="fp32 onnx"):
        find("toy-1.0-8", "fp32", "tflite", models)
