"""So what? Tables, plots and verdicts for people, made from records alone: nothing here measures."""
