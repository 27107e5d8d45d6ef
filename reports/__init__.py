"""Reports: tables, plots and verdicts built from records alone. Nothing here measures."""
