"""NVIDIA GPUs by NVML (extra 'nvidia')."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.sensing import Channel, Reading, Sensor
from harness.sensors.base import SECOND_NS, import_optional

_PERIOD_NS = 100_000_000
Query = Callable[[], float]


class Nvml:
    """Channels of every card: 'nvml/0/energy' in joules since the driver started, '/power', '/temperature', '/load'.

    Every query is tried when the sensor opens, since on a Jetson NVML starts but supports neither power nor energy.
    Power is that of the whole card. On A100 and H100 it is sampled only part of the time (arXiv 2312.02741): prefer the
    energy counter.
    """

    name = "nvml"
    in_parent = True

    def __init__(self, fs: HostFs) -> None:
        self.channels: tuple[Channel, ...] = ()
        self.absent = ""
        self._queries: list[Query] = []
        nvml = import_optional(fs, "pynvml", "nvidia")
        if isinstance(nvml, Missing):
            self.absent = nvml.reason
            return
        self._nvml: Any = nvml
        try:
            self._nvml.nvmlInit()
        except self._nvml.NVMLError as error:
            self.absent = f"NVML does not start: {error}"
            return
        supported = [
            (channel, query) for channel, query in self._offered() if not isinstance(self._value(query), Missing)
        ]
        self.channels = tuple(channel for channel, _ in supported)
        self._queries = [query for _, query in supported]
        if not supported:
            self.absent = "NVML supports no reading on this GPU"

    def read(self) -> list[Reading]:
        """Return one reading per channel; a query that fails (a card that fell off the bus) is Missing."""
        t_ns = time.perf_counter_ns()
        pairs = zip(self.channels, self._queries, strict=True)
        return [Reading(channel.name, t_ns, self._value(query)) for channel, query in pairs]

    def close(self) -> None:
        """Shut NVML down."""
        if self._queries:
            self._nvml.nvmlShutdown()

    def _offered(self) -> Iterator[tuple[Channel, Query]]:
        nvml = self._nvml
        for index in range(nvml.nvmlDeviceGetCount()):
            card = nvml.nvmlDeviceGetHandleByIndex(index)
            stem = f"nvml/{index}"
            yield (
                Channel(f"{stem}/energy", "J", "module", "counter", _PERIOD_NS, resolution=1e-3),
                _query(nvml.nvmlDeviceGetTotalEnergyConsumption, card, 1000),
            )
            yield (
                Channel(f"{stem}/power", "W", "module", "mean", _PERIOD_NS, resolution=1e-3),
                _query(nvml.nvmlDeviceGetPowerUsage, card, 1000),
            )
            yield (
                Channel(f"{stem}/temperature", "degC", period_ns=SECOND_NS),
                partial(nvml.nvmlDeviceGetTemperature, card, nvml.NVML_TEMPERATURE_GPU),
            )
            yield (
                Channel(f"{stem}/load", "1", kind="mean", period_ns=SECOND_NS),
                _query(lambda card: nvml.nvmlDeviceGetUtilizationRates(card).gpu, card, 100),
            )

    def _value(self, query: Query) -> float | Missing:
        try:
            return query()
        except self._nvml.NVMLError as error:
            return Missing(f"unavailable: {error}")


def _query(function: Callable[[Any], int], card: Any, per_unit: int) -> Query:
    return lambda: function(card) / per_unit


PLUGINS: tuple[type[Sensor], ...] = (Nvml,)
