"""Measure one case: fresh processes, a timed loop in each, and what their samples say."""
