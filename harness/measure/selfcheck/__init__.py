"""How good the instrument itself is on this machine."""
