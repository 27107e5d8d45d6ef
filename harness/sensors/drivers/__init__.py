"""Sensor drivers: one module per family of chips, kernel interface or library."""
