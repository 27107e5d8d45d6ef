"""CUDA's runtime library by ctypes, as far as TensorRT needs it; no package beside those of JetPack.

Functions and numbers are those of cuda_runtime_api.h and driver_types.h, the same in CUDA 11, 12 and 13.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.runtimes.base import SessionError

Call = Callable[[], int]
SONAMES = ("libcudart.so.12", "libcudart.so.13", "libcudart.so.11.0", "libcudart.so")
_MISSING = "sudo apt-get install nvidia-jetpack, or the CUDA toolkit of your GPU; its lib64 belongs in LD_LIBRARY_PATH"
_REMEDIES = {
    35: "the driver is older than this CUDA: update the driver, or the JetPack",
    100: "no NVIDIA GPU is seen: on a Jetson let your user into the group video, in a container use --runtime nvidia",
    2: "the GPU's memory is full: close other programs, or lower the option workspace_mib",
}
"""By the codes cudaErrorInsufficientDriver, cudaErrorNoDevice and cudaErrorMemoryAllocation."""
_TO_DEVICE, _TO_HOST = 1, 2
_MAJOR, _MINOR, _PROCESSORS = 75, 76, 16
_NAME_BYTES, _PROPERTIES_BYTES = 256, 8192
"""cudaDeviceProp begins with its name in every version; no version has as many bytes as this."""


@dataclass(frozen=True)
class Gpu:
    """What an engine is specific to: the device's name, compute capability, multiprocessors, and CUDA's versions."""

    name: str
    capability: str
    processors: int
    runtime: str
    driver: str


class Cuda:
    """The first device, and one stream on it. Every method raises SessionError with CUDA's own words."""

    def __init__(self) -> None:
        self._library = load()
        self._call("cudaSetDevice", 0)
        stream = ctypes.c_void_p()
        self._call("cudaStreamCreate", ctypes.byref(stream))
        self.stream = stream.value or 0

    def gpu(self) -> Gpu:
        """Return the facts of the device."""
        properties = ctypes.create_string_buffer(_PROPERTIES_BYTES)
        self._call("cudaGetDeviceProperties", properties, 0)
        name = properties.raw[:_NAME_BYTES].partition(b"\0")[0].decode(errors="replace")
        capability = f"{self._attribute(_MAJOR)}.{self._attribute(_MINOR)}"
        versions = (self._version("cudaRuntimeGetVersion"), self._version("cudaDriverGetVersion"))
        return Gpu(name, capability, self._attribute(_PROCESSORS), *versions)

    def allocate(self, size: int) -> int:
        """Allocate `size` bytes on the device for the life of the process; return their address."""
        address = ctypes.c_void_p()
        self._call("cudaMalloc", ctypes.byref(address), ctypes.c_size_t(size))
        return address.value or 0

    def host_array(self, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
        """Return zeros in page-locked memory, from which the device copies directly."""
        size = max(1, int(np.prod(shape)) * np.dtype(dtype).itemsize)
        address = ctypes.c_void_p()
        self._call("cudaHostAlloc", ctypes.byref(address), ctypes.c_size_t(size), 0)
        memory: Any = (ctypes.c_uint8 * size).from_address(address.value or 0)
        array: NDArray[Any] = np.frombuffer(memory, dtype, int(np.prod(shape))).reshape(shape)
        array[...] = 0
        return array

    def to_device(self, address: int, array: NDArray[Any]) -> Call:
        """Return a function that copies to the device on the stream and returns a code for `check`."""
        return self._copy(address, array.ctypes.data, array.nbytes, _TO_DEVICE)

    def to_host(self, array: NDArray[Any], address: int) -> Call:
        """Return a function that copies from the device."""
        return self._copy(array.ctypes.data, address, array.nbytes, _TO_HOST)

    def _copy(self, target: int, source: int, size: int, kind: int) -> Call:
        pointers = ctypes.c_void_p(target), ctypes.c_void_p(source)
        return partial(
            self._library.cudaMemcpyAsync, *pointers, ctypes.c_size_t(size), kind, ctypes.c_void_p(self.stream)
        )

    def finisher(self) -> Call:
        """Return a function that waits for the stream."""
        return partial(self._library.cudaStreamSynchronize, ctypes.c_void_p(self.stream))

    def check(self, code: int, name: str) -> None:
        """Raise SessionError where `name` returned other than 0."""
        if code:
            error_string = self._library.cudaGetErrorString
            error_string.restype = ctypes.c_char_p
            words = (error_string(code) or b"unknown error").decode(errors="replace")
            raise SessionError(f"{name} failed with CUDA's error {code}: {words}", _REMEDIES.get(code, ""))

    def _call(self, name: str, *arguments: Any) -> None:
        self.check(getattr(self._library, name)(*arguments), name)

    def _attribute(self, number: int) -> int:
        value = ctypes.c_int()
        self._call("cudaDeviceGetAttribute", ctypes.byref(value), number, 0)
        return value.value

    def _version(self, function: str) -> str:
        """Return a version as '12.6', of 12060."""
        value = ctypes.c_int()
        self._call(function, ctypes.byref(value))
        return f"{value.value // 1000}.{value.value % 1000 // 10}"


def load() -> Any:
    """Load the first library that is there; SessionError where there is none."""
    located = ctypes.util.find_library("cudart")
    for name in (*SONAMES, *([located] if located else [])):
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise SessionError(f"CUDA's runtime library was not found: none of {', '.join(SONAMES)}", _MISSING)
