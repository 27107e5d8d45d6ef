"""Sensors of power, temperature, clocks and throttling, and the sampler that reads them beside a measurement."""

from __future__ import annotations

from .registry import open_sensors, read_all

__all__ = ["open_sensors", "read_all"]
