"""libedgetpu, the delegate library of the Edge TPU: its version and the devices it sees.

C interface: tflite/public/edgetpu_c.h of google-coral/libedgetpu. Some builds lack its functions.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Mapping
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t

from harness.core.quantity import Missing
from harness.runtimes.base import SessionError

DEFAULT = "libedgetpu.so.1"
PACKAGES = "libedgetpu1-std (250 MHz) or libedgetpu1-max (500 MHz) of Google's coral-edgetpu apt source"
NO_DEVICE = (
    "USB: lsusb must list 1a6e:089a, or 18d1:9302 once it was used; its udev rule comes with libedgetpu1 (plug it in "
    "again after installing it) and lets the group plugdev in. PCIe: lspci -d 1ac1:089a must list it, the driver "
    "(gasket-dkms) makes /dev/apex_0, and your user must be in the group apex. One process at a time can have it"
)
_NAME_IT = "name yours: --runtime-option edgetpu:library=/path/to/libedgetpu.so.1"
_DELEGATE = ("tflite_plugin_create_delegate", "tflite_plugin_destroy_delegate")
"""The functions LiteRT calls; its Python class fails without a message where one is absent."""
_KINDS: Mapping[int, str] = {0: "pci", 1: "usb"}


class _Device(ctypes.Structure):
    """edgetpu_device."""

    _fields_ = (("kind", c_int), ("path", c_char_p))


class EdgeTpuLibrary:
    """The loaded library `name`, a file or a name for the loader; SessionError where it cannot be loaded."""

    def __init__(self, name: str) -> None:
        self.name = name
        try:
            self._library = ctypes.CDLL(name)
        except OSError as error:
            raise SessionError(f"delegate missing: {error}", f"install {PACKAGES}, or {_NAME_IT}") from error
        if lacking := [each for each in _DELEGATE if not hasattr(self._library, each)]:
            raise SessionError(f"{name} is no delegate library: it has no {' and no '.join(lacking)}", _NAME_IT)

    def version(self) -> str | Missing:
        """Return its version, as 'BuildLabel(...), RuntimeVersion(14)'."""
        try:
            ask = self._library.edgetpu_version
        except AttributeError:
            return Missing(f"{self.name} has no function for its version")
        ask.restype = c_char_p
        return str((ask() or b"unknown").decode("utf-8", "replace"))

    def runtime(self) -> int | Missing:
        """Return the runtime version: it loads models compiled for this version or an older one."""
        version = self.version()
        if isinstance(version, Missing):
            return version
        match = re.search(r"RuntimeVersion\((\d+)\)", version)
        return int(match[1]) if match else Missing(f"no runtime version in '{version}'")

    def devices(self) -> list[str] | Missing:
        """Return the devices it sees, as 'usb:0 /sys/bus/usb/devices/2-1': value of the option `device`, and path."""
        try:
            ask, free = self._library.edgetpu_list_devices, self._library.edgetpu_free_devices
        except AttributeError:
            return Missing(f"{self.name} has no function that lists devices")
        ask.restype, ask.argtypes = POINTER(_Device), [POINTER(c_size_t)]
        free.restype, free.argtypes = None, [POINTER(_Device)]
        count = c_size_t()
        first = ask(byref(count))
        try:
            return _named([(_KINDS.get(first[n].kind, "other"), first[n].path.decode()) for n in range(count.value)])
        finally:
            free(first)

    def require(self, min_runtime: int | Missing) -> None:
        """Raise SessionError where there is no device, or the library is too old for the model."""
        if self.devices() == []:
            raise SessionError("no device: libedgetpu sees no Edge TPU", NO_DEVICE)
        runtime = self.runtime()
        if isinstance(min_runtime, int) and isinstance(runtime, int) and min_runtime > runtime:
            raise too_old(min_runtime, runtime)


def too_old(wanted: int, present: int) -> SessionError:
    """Return the error for a model compiled for a newer runtime."""
    return SessionError(
        f"runtime version mismatch: the model was compiled for runtime {wanted}, this libedgetpu has {present}",
        f"update libedgetpu1, or compile the model again with: edgetpu_compiler -s --min_runtime_version {present}",
    )


def _named(devices: list[tuple[str, str]]) -> list[str]:
    """Return the names of devices, numbered within their kind, as libedgetpu's option counts them."""
    kinds = [kind for kind, _ in devices]
    return [f"{kind}:{kinds[:place].count(kind)} {path}" for place, (kind, path) in enumerate(devices)]
