"""Runs, comparisons, histories and recommendations as text for the terminal."""
