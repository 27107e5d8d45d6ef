"""Model files: those that ship, those built or fetched into the cache, and how they are moved."""
