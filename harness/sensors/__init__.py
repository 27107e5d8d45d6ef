"""Small readers of power, temperature, clocks and throttling, and the thread that samples them beside a case."""

from __future__ import annotations

from .registry import open_sensors, read_all

__all__ = ["open_sensors", "read_all"]
