"""A nightly run: measure, screen against the store's history, confirm in the same night, say what came of it.

night: one night as a whole, in the order of what is done
series: the store's history and tonight as the detector's arrays
again: the second measurement, pairs against the last good build or a fresh session
exact: what needs no statistics over nights: accuracy by counts, sizes, limits, cases that no longer run
kept, environments: the last good build of every case, and the versions it ran under made again
outcome: one finding with its sentence, and the exit code of all together
papers, xml: the findings as JSON and Markdown, as JUnit and Atom

Statistics over nights are `harness.stats.nightly`, which knows arrays alone.
"""
