"""Weights trained elsewhere: published ones by name, and those of a file, an address or another library."""
