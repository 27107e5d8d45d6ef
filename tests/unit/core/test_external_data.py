"""The files beside an .onnx, and those of models in other formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.core.artifact import files_of, missing_files_of, sha256_of, size_of
from harness.core.model_files.external_data import external_files
from tests import onnx_bytes
from tests.onnx_bytes import FLOAT, External, network


def net(path: Path, *locations: str) -> Path:
    """A sum of its input and of weights in files beside it."""
    names = [f"w{number}" for number, _ in enumerate(locations)]
    nodes = [("Sum", ["x", *names], ["y"], {})]
    shape = {"x": (FLOAT, (1, 4))}, {"y": (FLOAT, (1, 4))}
    weights = {name: External(place, (1, 4)) for name, place in zip(names, locations, strict=True)}
    path.write_bytes(network(nodes, *shape, weights))
    return path


def test_every_file_is_named_once_whatever_it_is_called(tmp_path: Path) -> None:
    path = net(tmp_path / "net.onnx", "net.onnx_data", "part/2.bin", "net.onnx_data", "no suffix")
    assert external_files(path) == [tmp_path / "net.onnx_data", tmp_path / "part" / "2.bin", tmp_path / "no suffix"]
    assert missing_files_of(path) == external_files(path)
    assert files_of(path) == [path]


def test_weights_within_the_model_need_no_file(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(onnx_bytes.colours((0, 1, 2))[0])
    assert external_files(path) == []


@pytest.mark.parametrize("data", [b"", b"another net", b"\xff" * 40, b"\x3a\xff\xff\xff\xff\x0f", b"\x3a\x05\x2a\x7f"])
def test_what_is_no_model_has_no_files(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(data)
    assert external_files(path) == []
    assert files_of(path) == [path]


def test_a_model_that_was_written_again_is_read_again(tmp_path: Path) -> None:
    path = net(tmp_path / "net.onnx", "first")
    assert external_files(path) == [tmp_path / "first"]
    net(path, "the second")
    assert external_files(path) == [tmp_path / "the second"]


@pytest.mark.parametrize(("embed_mode", "files"), [(0, ["net_qnn.bin"]), (1, []), (None, [])])
def test_what_was_compiled_for_an_accelerator_belongs_to_the_model(
    tmp_path: Path, embed_mode: int | None, files: list[str]
) -> None:
    """As ONNX Runtime writes EPContext nodes; without an embed_mode the part is in the graph."""
    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    attributes = {"ep_cache_context": "net_qnn.bin"} | ({} if embed_mode is None else {"embed_mode": embed_mode})
    node = helper.make_node("EPContext", ["x"], ["y"], domain="com.microsoft", **attributes)
    plain = helper.make_node("Relu", ["y"], ["z"], name="ep_cache_context")
    path = tmp_path / "net.onnx"
    path.write_bytes(helper.make_model(helper.make_graph([node, plain], "g", [], [])).SerializeToString())
    assert [file.name for file in external_files(path)] == files
    assert [file.name for file in missing_files_of(path)] == files


def test_weights_in_branches_and_functions_are_found(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    helper, kinds = onnx.helper, onnx.TensorProto

    def tensor(name: str) -> object:
        made = kinds(name=name, data_type=kinds.FLOAT, dims=[4], data_location=kinds.EXTERNAL)
        entry = made.external_data.add()
        entry.key, entry.value = "location", f"{name}.bin"
        return made

    def branch(name: str) -> object:
        out = helper.make_tensor_value_info(name, kinds.FLOAT, [4])
        return helper.make_graph(
            [helper.make_node("Identity", [f"{name}_w"], [name])], name, [], [out], [tensor(f"{name}_w")]
        )

    choice = helper.make_node("If", ["b"], ["y"], then_branch=branch("yes"), else_branch=branch("no"))
    constant = helper.make_node("Constant", [], ["c"], value=tensor("constant"))
    function = helper.make_function("own", "F", [], ["c"], [constant], [helper.make_opsetid("", 17)])
    inputs = [helper.make_tensor_value_info("b", kinds.BOOL, [])]
    outputs = [helper.make_tensor_value_info("y", kinds.FLOAT, [4])]
    model = helper.make_model(helper.make_graph([choice], "g", inputs, outputs), functions=[function])
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())
    assert {file.name for file in external_files(path)} == {"yes_w.bin", "no_w.bin", "constant.bin"}


def test_the_hash_tells_files_apart_and_not_what_the_model_is_called(tmp_path: Path) -> None:
    for folder, first, second in (("a", b"1", b"2"), ("b", b"2", b"1"), ("c", b"1", b"2")):
        (tmp_path / folder).mkdir()
        net(tmp_path / folder / f"{folder}.onnx", "1.bin", "2.bin")
        (tmp_path / folder / "1.bin").write_bytes(first)
        (tmp_path / folder / "2.bin").write_bytes(second)
    a, b, c = (sha256_of(tmp_path / name / f"{name}.onnx") for name in "abc")
    assert a == c != b


def test_mnn_has_its_weights_in_the_file_or_in_one_beside_it(tmp_path: Path) -> None:
    path, weights = tmp_path / "net.mnn", tmp_path / "net.mnn.weight"
    path.write_bytes(b"graph")
    assert (files_of(path), missing_files_of(path)) == ([path], [])
    weights.write_bytes(np.zeros(8, np.uint8).tobytes())
    assert files_of(path) == [path, weights]
    assert size_of(path) == 13


def test_a_saved_models_variables_are_an_index_and_its_shards(tmp_path: Path) -> None:
    folder = tmp_path / "net"
    variables = folder / "variables"
    variables.mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    assert missing_files_of(folder) == []
    (variables / "variables.index").write_bytes(b"index")
    assert missing_files_of(folder) == [variables / "variables.data-00000-of-00001"]
    (variables / "variables.data-00000-of-00002").write_bytes(b"1")
    assert missing_files_of(folder) == [variables / "variables.data-00001-of-00002"]
    (variables / "variables.data-00001-of-00002").write_bytes(b"2")
    assert missing_files_of(folder) == []
    (variables / "variables.index").unlink()
    assert missing_files_of(folder) == [variables / "variables.index"]
