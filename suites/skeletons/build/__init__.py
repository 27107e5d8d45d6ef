"""Makes the shipped graphs; needs the extra ``prepare``."""
