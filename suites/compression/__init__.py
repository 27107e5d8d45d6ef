"""Compression settings, one file each; importing them needs no converter, only ``Compression.build`` does."""
