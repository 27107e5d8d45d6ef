"""The vocabulary of the project: frozen dataclasses, units and errors. Imports no other package of the project."""
