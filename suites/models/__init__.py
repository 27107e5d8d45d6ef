"""Model families, one file each; importing them needs no torch; `ModelFamily.net` does."""
