"""What is read from a .tflite file of the Edge TPU, and that no damaged file does worse than to be refused."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.quantity import Missing
from harness.runtimes.base import SessionError
from harness.runtimes.edgetpu.model import Net, Parameters, Partition, read
from suites.artifacts import catalog
from tests.tflite_bytes import CACHING, CUSTOM, EXECUTING, LOGISTIC, STAND_ALONE, Op, chain, compiled, package

SHIPPED = catalog.ARTIFACTS / "mobilenet_v2-0.35-32"


def net(folder: Path, data: bytes) -> Net:
    (folder / "m.tflite").write_bytes(data)
    return read(folder / "m.tflite")


@pytest.mark.parametrize(
    ("executables", "on_chip", "streamed"),
    [
        ([(EXECUTING, 700), (CACHING, 4000)], 4000, 700),
        ([(CACHING, 4000), (EXECUTING, 0)], 4000, 0),
        ([(STAND_ALONE, 90)], 0, 90),
        ([(CACHING, 90)], 0, 90),
        ([(STAND_ALONE, 90), (CACHING, 60), (EXECUTING, 30)], 0, 90),
        ([(CACHING, 300_000), (EXECUTING, 70_000)], 300_000, 70_000),
    ],
)
def test_parameters_lie_where_libedgetpu_puts_them(
    tmp_path: Path, executables: list[tuple[int, int]], on_chip: int, streamed: int
) -> None:
    found = net(tmp_path, chain(compiled(package(*executables, runtime=14))))
    assert found.partitions == (Partition(Parameters(on_chip, streamed), 14),)


def test_the_parts_of_a_net_add_up(tmp_path: Path) -> None:
    first = compiled(package((EXECUTING, 1), (CACHING, 20), runtime=12))
    second = compiled(package((STAND_ALONE, 300), runtime=13))
    found = net(tmp_path, chain(first, Op(LOGISTIC), second))
    assert found.parameters == Parameters(20, 301)
    assert found.min_runtime == 13


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no flexbuffer at all",
        package(),
        package((STAND_ALONE, 1), (CACHING, 1)),
        package((STAND_ALONE, 100))[50:],
    ],
)
def test_what_a_package_does_not_tell_is_missing_and_never_0(tmp_path: Path, data: bytes) -> None:
    whole = compiled(package((EXECUTING, 1), (CACHING, 20)))
    found = net(tmp_path, chain(whole, Op(CUSTOM, name=b"edgetpu-custom-op", data=data)))
    assert len(found.partitions) == 2
    assert isinstance(found.parameters, Missing)


def test_a_package_without_a_runtime_version_says_so(tmp_path: Path) -> None:
    assert isinstance(net(tmp_path, chain(compiled(package((STAND_ALONE, 1), runtime=0)))).min_runtime, Missing)


@pytest.mark.parametrize(
    ("file", "unfit"),
    [
        ("int8-static.tflite", set()),
        ("int8-qat.tflite", set()),
        ("int8-dynamic.tflite", {"float32"}),
        ("int4-weight-only.tflite", {"float32", "int4"}),
        ("fp16.tflite", {"float32", "float16"}),
    ],
)
def test_shipped_nets_are_int8_or_not_and_none_is_compiled(file: str, unfit: set[str]) -> None:
    found = read(SHIPPED / file)
    assert found.partitions == ()
    assert set(found.unfit) == unfit


def test_another_custom_operator_is_not_the_edge_tpus(tmp_path: Path) -> None:
    assert net(tmp_path, chain(Op(CUSTOM, name=b"PosenetDecoderOp"))).partitions == ()


@pytest.mark.parametrize("data", [b"", b"TFL3", b"\x08\0\0\0TFL3" + bytes(4), b"not a flatbuffer at all"])
def test_a_file_that_is_none_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(SessionError, match=r"m\.tflite is damaged or no \.tflite"):
        net(tmp_path, data)


WHOLE = chain(compiled(package((EXECUTING, 40), (CACHING, 60))), Op(LOGISTIC))


@given(st.lists(st.tuples(st.integers(8, len(WHOLE) - 1), st.integers(0, 255)), max_size=8), st.integers(1, len(WHOLE)))
def test_damage_is_refused_or_read_never_worse(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], length: int
) -> None:
    data = bytearray(WHOLE)
    for place, value in changes:
        data[place] = value
    with contextlib.suppress(SessionError):
        found = net(tmp_path_factory.getbasetemp(), bytes(data if changes else data[:length]))
        assert isinstance(found.parameters, Parameters | Missing)
