"""The entry points of a model, from its file alone, and which of them runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.core import plugins
from harness.runtimes.base import Adapter, Options, SessionError
from harness.runtimes.signatures import chosen, in_order
from harness.runtimes.tensorflow import saved_model
from harness.runtimes.torch import methods
from tests.tflite_bytes import finished


def field(number: int, content: bytes) -> bytes:
    """A field of bytes in a Protocol Buffer; contents below 128 bytes."""
    return bytes([number << 3 | 2, len(content)]) + content


def saved(folder: Path, *names: str) -> Path:
    """A SavedModel of nothing but its version and its signatures."""
    folder.mkdir()
    entries = [field(5, field(1, name.encode()) + field(2, field(3, b"predict"))) for name in names]
    (folder / "saved_model.pb").write_bytes(b"\x08\x01" + field(2, field(1, b"\x0a\x00") + b"".join(entries)))
    return folder


def program(path: Path, *names: str) -> Path:
    """An ExecuTorch program of nothing but its methods' names."""
    path.write_bytes(finished({1: [{0: name.encode()} for name in names]}, b"ET12"))
    return path


@pytest.mark.parametrize("names", [(), ("serving_default",), ("decode", "encode")])
def test_a_saved_model_tells_its_signatures_without_tensorflow(tmp_path: Path, names: tuple[str, ...]) -> None:
    folder = saved(tmp_path / "m", *reversed(names), "__saved_model_init_op", "__saved_model_train_op")
    adapter: Adapter = plugins.load("runtimes", "tensorflow")
    assert adapter.signatures(folder) == names


@pytest.mark.parametrize("names", [("forward",), ("encode", "decode")])
def test_a_program_tells_its_methods_without_executorch(tmp_path: Path, names: tuple[str, ...]) -> None:
    adapter: Adapter = plugins.load("runtimes", "executorch")
    assert adapter.signatures(program(tmp_path / "m.pte", *names)) == names


@pytest.mark.parametrize("data", [b"", b"no model", b"\x12\x7f\x0a", b"\xff\xff\xff\x7fET12" + b"\xff" * 64])
@pytest.mark.parametrize("read", [saved_model.signatures, methods.methods])
def test_a_damaged_file_has_none(tmp_path: Path, data: bytes, read: Callable[[Path], tuple[str, ...]]) -> None:
    (tmp_path / "saved_model.pb").write_bytes(data)
    path = tmp_path if read is saved_model.signatures else tmp_path / "saved_model.pb"
    assert read(path) == ()
    assert read(tmp_path / "missing") == ()


def test_formats_without_entry_points_have_none(tmp_path: Path) -> None:
    for name in ("onnxruntime-cpu", "openvino-cpu", "torchscript", "ncnn", "mnn", "keras"):
        adapter: Adapter = plugins.load("runtimes", name)
        assert adapter.signatures(tmp_path / "m") == ()


@pytest.mark.parametrize(
    ("available", "asked", "runs", "order"),
    [
        (["a"], "", "a", ()),
        (["a", "main"], "", "main", ("main", "a")),
        (["a", "b", "main"], "b", "b", ()),
    ],
)
def test_the_one_asked_for_runs_else_the_only_one_else_the_default(
    available: list[str], asked: str, runs: str, order: tuple[str, ...]
) -> None:
    options = Options(signature=asked)
    assert chosen(available, options, "main") == runs
    assert in_order(available, runs, options) == order


@pytest.mark.parametrize(
    ("available", "asked", "message", "remedy"),
    [
        (["a", "b"], "", "no signature 'main': it has a, b", "--signature a, or all"),
        (["a"], "c", "no signature 'c': it has a", "--signature a, or all"),
        ([], "", "no signature 'main': it has none", "export it with a signature"),
    ],
)
def test_an_entry_point_that_is_not_there_is_refused(
    available: list[str], asked: str, message: str, remedy: str
) -> None:
    with pytest.raises(SessionError, match=message) as raised:
        chosen(available, Options(signature=asked), "main")
    assert raised.value.remedy == remedy
