"""Nightly runs: measure, screen against the store's history, confirm in the same night, report.

- `night`: the steps of one night, in order.
- `series`: applies the detector to the store's history of one metric.
- `remeasurement`: measures suspicious cases again, in pairs with the last good build or in a fresh session.
- `exact_metrics`: outcomes that need no statistics over nights, such as accuracy, sizes, limits and failures.
- `machine`: outcomes about the machine, such as a night whose figures cannot be trusted.
- `baselines`, `environments`: the last good build of each case, and the package versions it ran with.
- `unit_files`: where verdicts and builds of one unit are kept.
- `outcome`: one outcome with its sentence, and the exit code; `repeat`: the command that repeats it.
- `report`: the outcomes as JSON, Markdown, JUnit and Atom.

The statistics over nights are in `harness.stats.nightly`, which works on arrays alone.
"""
