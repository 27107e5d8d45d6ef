"""The sections of the report, one module each; found by entry point group `edgebench.sections`."""
