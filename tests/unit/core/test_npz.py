"""Archives of arrays that are not trusted: what is read, and what is refused before it takes memory."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.npz import MOST_ARRAYS, read_npz


def npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def npy(array: np.ndarray, **header: object) -> bytes:
    buffer = io.BytesIO()
    described = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape, **header}
    np.lib.format.write_array_header_1_0(buffer, described)  # type: ignore[arg-type]
    return buffer.getvalue() + array.tobytes()


@pytest.mark.parametrize("dtype", ["int64", "uint64", "float64", "float32", "bool", "int8", ">i4"])
@pytest.mark.parametrize("shape", [(5,), (0,), (2, 3), ()])
def test_numbers_are_read_as_numpy_reads_them(dtype: str, shape: tuple[int, ...]) -> None:
    array = np.arange(int(np.prod(shape)), dtype="int64").astype(dtype).reshape(shape)
    (name, read), *_ = read_npz(npz(wall_ns=array, other=np.arange(2))).items()
    assert name == "wall_ns"
    assert read.dtype == array.dtype
    assert np.array_equal(read, array)
    assert np.array_equal(
        read_npz(npz(x=np.asfortranarray(np.arange(6).reshape(2, 3))))["x"], np.arange(6).reshape(2, 3)
    )


def test_a_bomb_takes_no_more_memory_than_it_may() -> None:
    bomb = npz(wall_ns=np.zeros(1 << 24, np.int64))
    assert len(bomb) < 1 << 20
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="take more than"):
            read_npz(bomb, most_bytes=1 << 20)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


def test_a_header_that_asks_for_more_than_there_is_reserves_nothing() -> None:
    lying = zipped(wall_ns=npy(np.arange(3), shape=(10**12,)))
    with pytest.raises(ValueError, match="its header says"):
        read_npz(lying)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no zip at all",
        npz(a=np.arange(3))[:-30],
        zipped(a=b""),
        zipped(a=b"\x93NUMPY\x01\x00"),
        zipped(a=b"\x93NUMPY\x09\x00" + bytes(80)),
        zipped(a=npy(np.array(["text"]))),
        zipped(a=npy(np.arange(3), descr="|O")),
        zipped(a=npy(np.arange(3), shape=(-1,))),
        zipped(**{f"a{number}": npy(np.arange(1)) for number in range(MOST_ARRAYS + 1)}),
        zipped(a=npy(np.arange(3)))[:40] + struct.pack("<I", 7) + zipped(a=npy(np.arange(3)))[44:],
    ],
)
def test_what_is_no_archive_of_numbers_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_npz(data)


@given(st.data())
def test_a_damaged_archive_gives_arrays_or_a_value_error(data: st.DataObject) -> None:
    content = bytearray(npz(wall_ns=np.arange(50), cpu_ns=np.arange(50)))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        arrays = read_npz(bytes(content))
    except ValueError:
        return
    assert all(array.dtype.kind in "biuf" for array in arrays.values())
