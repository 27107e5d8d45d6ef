"""Workstation only (extra `prepare`): train, convert and build the model files that suites need."""
