"""How: measure one case on this machine and keep the record."""
