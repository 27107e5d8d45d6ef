"""A store of many runs: SQLite or PostgreSQL, with the raw files beside it."""
