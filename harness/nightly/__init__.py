"""Nightly runs: measure, screen against the store's history, confirm in the same night, report.

- `night`: the steps of one night, in order.
- `series`: applies the detector to the store's history of one metric.
- `remeasurement`: measures suspicious cases again, in pairs with the last good build or in a fresh session.
- `exact_metrics`: outcomes that need no statistics over nights, such as accuracy, sizes, limits and failures.
- `baselines`, `environments`: the last good build of each case, and the package versions it ran with.
- `outcome`: one outcome with its sentence, and the exit code.
- `report`: the outcomes as JSON, Markdown, JUnit and Atom.

The statistics over nights are in `harness.stats.nightly`, which works on arrays alone.
"""
