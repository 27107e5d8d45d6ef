"""Model families, one file each; importing them needs no torch, only ``ModelFamily.net`` does."""
