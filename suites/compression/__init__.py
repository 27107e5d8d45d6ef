"""Compression settings, one file per kind. Importing them needs no converter; building a file does."""
