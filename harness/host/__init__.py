"""The machine: what it is (`hardware`, `identity`), whether it may be trusted now (`checks`), and its recording."""
