"""Jetson: power rails by jetson-stats, where sysfs cannot be read, and over-current events.

jetson-stats (extra 'jetson') is AGPL: it is never required, and only its client is used; its root service reads.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from posixpath import basename
from typing import Any

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.sensing import Channel, Reading, Sensor
from harness.sensors.base import SECOND_NS, FileSensor, Probe, hwmon_chips, import_optional, scaled

_INTERVAL_S = 0.5
_REMEDIES = {
    "not active": "sudo jtop --install-service, then reboot",
    "can't access": "sudo usermod -aG jtop $USER, then log out or reboot",
    "Mismatch version": "install the same jetson-stats in this environment and system-wide",
}


class Jtop:
    """Rails by the service of jetson-stats: 'jtop/VDD_IN' in watts, twice per second."""

    name = "jtop"
    in_parent = True

    def __init__(self, fs: HostFs) -> None:
        self.channels: tuple[Channel, ...] = ()
        self.absent = ""
        self._client: Any = None
        jtop = import_optional(fs, "jtop", "jetson")
        if isinstance(jtop, Missing):
            self.absent = jtop.reason
            return
        client = jtop.jtop(interval=_INTERVAL_S)
        try:
            client.start()
        except jtop.JtopException as error:
            self.absent = _explain(str(error))
            return
        self._client = client
        period_ns = int(_INTERVAL_S * 1e9)
        rails = client.power.get("rail", {})
        self.channels = tuple(Channel(f"jtop/{rail}", "W", "rail", "mean", period_ns) for rail in rails)
        self.absent = "" if rails else "jtop shows no rail on this board"

    def read(self) -> list[Reading]:
        """Return the service's latest reading; the client's `ok()` is not called, since it blocks."""
        t_ns = time.perf_counter_ns()
        rails = self._client.power.get("rail", {}) if self._client else {}
        return [Reading(each.name, t_ns, _watt(rails.get(each.name.removeprefix("jtop/")))) for each in self.channels]

    def close(self) -> None:
        """Disconnect from the service."""
        if self._client:
            self._client.close()


class SocthermOc(FileSensor):
    """Over-current events of Jetson Orin and later since boot: 'soctherm-oc/oc1' to 'oc3'.

    Throttling for current does not show in the clocks, only here.
    """

    name = "soctherm-oc"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """Yield one counter per alarm."""
        for folder, chip in hwmon_chips(fs):
            if chip == "soctherm_oc":
                for count in fs.glob(f"{folder}/oc*_event_cnt"):
                    name = f"soctherm-oc/{basename(count).removesuffix('_event_cnt')}"
                    channel = Channel(name=name, unit="1", kind="counter", period_ns=SECOND_NS)
                    yield scaled(channel, fs.open(count))

    def missing(self, fs: HostFs) -> str:
        """Return the reason off a Jetson Orin or Thor."""
        return "no chip called soctherm_oc in /sys/class/hwmon"


def _explain(message: str) -> str:
    """Return the message of jetson-stats on one line, with a remedy."""
    line = " ".join(message.split())
    remedy = next((remedy for words, remedy in _REMEDIES.items() if words in line), "")
    return f"jtop: {line}" + (f": {remedy}" if remedy else "")


def _watt(rail: dict[str, Any] | None) -> float | Missing:
    """Return the power of a rail: 'power', since 'avg' smooths each reading with the one before."""
    if rail is None:
        return Missing("unavailable: the rail is not in this reading")
    if not rail.get("online", True):
        return Missing("unavailable: the rail is offline")
    return float(rail["power"]) / 1000  # milliwatts


PLUGINS: tuple[type[Sensor], ...] = (Jtop, SocthermOc)
