"""Read arrays from .npz files that are not trusted: bounded in memory, numbers alone, nothing unpickled.

`numpy.load` expands whatever an archive holds: five megabytes of zeros become gigabytes.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_BYTES = 256 << 20
"""Of all arrays of a file: 32 million samples of 64 bits."""
MOST_ARRAYS = 256
_PIECE_BYTES = 1 << 20


def read_npz(data: bytes, most_bytes: int = MOST_BYTES) -> dict[str, NDArray[Any]]:
    """Return the arrays of an archive by name.

    Args:
        data: Content of the file.
        most_bytes: The most bytes that all arrays may take.

    Raises:
        ValueError: It is no archive of arrays, or larger than `most_bytes`; with what is wrong.
    """
    arrays: dict[str, NDArray[Any]] = {}
    left = most_bytes
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > MOST_ARRAYS:
                raise ValueError(f"{len(members)} arrays, {MOST_ARRAYS} at most")
            for member in members:
                content = _bounded(archive, member, left)
                left -= len(content)
                name = member.filename.removesuffix(".npy")
                if name in arrays:
                    raise ValueError(f"two arrays are called '{name[:40]}'")
                arrays[name] = _array(name, content)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, struct.error) as error:
        raise ValueError(f"no archive of arrays: {error}") from None
    return arrays


def _bounded(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    """Return what a member expands to, read in pieces; ValueError as soon as that is more than `most` bytes."""
    content = bytearray()
    with archive.open(member) as file:
        while piece := file.read(_PIECE_BYTES):
            content += piece
            if len(content) > most:
                raise ValueError(f"its arrays take more than {MOST_BYTES >> 20} MiB")
    return bytes(content)


def _array(name: str, content: bytes) -> NDArray[Any]:
    """Return an array whose header says as many bytes as there are."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(file)
    if dtype.kind not in "biuf":
        raise ValueError(f"array '{name[:40]}' holds no numbers")
    values = content[file.tell() :]
    if math.prod(shape) * dtype.itemsize != len(values):
        raise ValueError(f"array '{name[:40]}' has {len(values)} bytes, its header says {shape} of {dtype}")
    return np.frombuffer(values, dtype).reshape(shape, order="F" if fortran else "C").copy()
