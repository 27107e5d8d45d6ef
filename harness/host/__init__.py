"""The machine: what it is (`hardware`, `identity`), may it be trusted now (`checks`), and its recording."""
