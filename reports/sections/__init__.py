"""Sections of the report, one module each, with its template next to it."""
