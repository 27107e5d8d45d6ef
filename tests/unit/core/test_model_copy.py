"""A model is copied with all its files, under its new name, and never over another model's."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.artifact import files_of, missing_files_of, sha256_of
from harness.core.errors import ModelError
from harness.core.model_files.model_copy import copy_model
from tests.onnx_bytes import onnx_with_weights


def same_model(one: Path, other: Path) -> bool:
    """Whether two models have the same contents, with nothing missing."""
    return not missing_files_of(other) and sha256_of(one) == sha256_of(other)


@pytest.mark.parametrize("location", ["net.onnx.data", "weights.bin", "part/0", "no suffix"])
def test_external_data_keeps_its_name_under_the_models_new_one(tmp_path: Path, location: str) -> None:
    source = onnx_with_weights(tmp_path / "a" / "net.onnx", location, b"0123456789abcdef")
    target = tmp_path / "b" / "other.onnx"
    copy_model(source, target)
    assert [file.relative_to(tmp_path / "b") for file in files_of(target)] == [Path("other.onnx"), Path(location)]
    assert same_model(source, target)


@pytest.mark.parametrize(
    ("names", "copies"),
    [
        (["net.xml", "net.bin"], ["out.v2.xml", "out.v2.bin"]),
        (["net.param", "net.bin"], ["out.v2.param", "out.v2.bin"]),
        (["net.mnn", "net.mnn.weight"], ["out.v2.mnn", "out.v2.mnn.weight"]),
        (["net.mnn"], ["out.v2.mnn"]),
        (["net.tflite"], ["out.v2.tflite"]),
    ],
)
def test_parts_follow_the_new_stem(tmp_path: Path, names: list[str], copies: list[str]) -> None:
    for name in [*names, "net.other", "bystander.bin"]:
        (tmp_path / name).write_bytes(name.encode())
    target = tmp_path / "b" / copies[0]
    copy_model(tmp_path / names[0], target)
    assert sorted(file.name for file in target.parent.iterdir()) == sorted(copies)
    assert [(target.parent / copy).read_text() for copy in copies] == names
    assert same_model(tmp_path / names[0], target)


def test_a_folder_is_copied_whole(tmp_path: Path) -> None:
    source = tmp_path / "saved"
    for name in ("saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001", "assets/v"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    copy_model(source, tmp_path / "b" / "copied")
    assert same_model(source, tmp_path / "b" / "copied")


def test_links_are_copied_as_what_they_point_to(tmp_path: Path) -> None:
    stored = onnx_with_weights(tmp_path / "blobs" / "1", "2")
    (tmp_path / "snapshot").mkdir()
    (tmp_path / "snapshot/net.onnx").symlink_to(stored)
    (tmp_path / "snapshot/2").symlink_to(tmp_path / "blobs/2")
    copy_model(tmp_path / "snapshot/net.onnx", tmp_path / "b" / "net.onnx")
    assert same_model(tmp_path / "snapshot/net.onnx", tmp_path / "b/net.onnx")
    assert not any(file.is_symlink() for file in (tmp_path / "b").iterdir())


def test_a_copy_onto_itself_leaves_it_as_it_is(tmp_path: Path) -> None:
    source = onnx_with_weights(tmp_path / "net.onnx", "weights.bin", b"0123456789abcdef")
    before = sha256_of(source)
    copy_model(source, source)
    copy_model(source, tmp_path / "." / "second.onnx")
    assert (sha256_of(source), sha256_of(tmp_path / "second.onnx")) == (before, before)


def test_a_missing_file_is_named_and_nothing_is_copied(tmp_path: Path) -> None:
    source = onnx_with_weights(tmp_path / "net.onnx", "weights.bin")
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(ModelError, match=r"weights\.bin is missing"):
        copy_model(source, tmp_path / "b" / "net.onnx")
    assert not (tmp_path / "b").exists()


def test_weights_of_another_model_are_not_replaced(tmp_path: Path) -> None:
    first = onnx_with_weights(tmp_path / "v1/model.onnx", "weights.bin", b"1" * 16)
    second = onnx_with_weights(tmp_path / "v2/model.onnx", "weights.bin", b"2" * 16)
    copy_model(first, tmp_path / "out/v1.onnx")
    with pytest.raises(ModelError, match=r"weights\.bin exists and is not that of"):
        copy_model(second, tmp_path / "out/v2.onnx")
    assert same_model(first, tmp_path / "out/v1.onnx")
    assert not (tmp_path / "out/v2.onnx").exists()
    copy_model(second, tmp_path / "out/v1.onnx")  # the model itself is replaced, weights and all
    assert same_model(second, tmp_path / "out/v1.onnx")


def test_nothing_is_written_outside_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"\0" * 16)
    source = onnx_with_weights(tmp_path / "a/net.onnx", "../weights.bin")
    with pytest.raises(ModelError, match="outside of its folder"):
        copy_model(source, tmp_path / "b/c/net.onnx")
    assert not (tmp_path / "b").exists()
