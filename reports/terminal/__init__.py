"""Runs, comparisons and histories as text for the terminal."""
