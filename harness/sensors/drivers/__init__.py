"""Sensor drivers, found by this folder: one module per chip, bus or library."""
