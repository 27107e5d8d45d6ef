"""Model families, one file each. Importing them needs no torch; `ModelFamily.net` does."""
