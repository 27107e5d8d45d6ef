"""Address-space randomisation: recorded, not judged. Fresh processes differ by it; that is why a case takes several."""

from __future__ import annotations

from harness.core.hostfs import HostFs
from harness.core.verdict import Finding

_MEANING = {"0": "off", "1": "conservative", "2": "full"}


def inspect(fs: HostFs) -> Finding:
    """Always ok when it can be read."""
    value = fs.read("/proc/sys/kernel/randomize_va_space")
    if not isinstance(value, str) or value not in _MEANING:
        return Finding("aslr", "unknown", value if isinstance(value, str) else value.reason)
    return Finding("aslr", "ok", _MEANING[value])
