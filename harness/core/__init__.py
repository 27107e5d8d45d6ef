"""The vocabulary every room speaks: frozen data, units and errors. Imports nothing of ours."""
