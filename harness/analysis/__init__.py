"""The mathematics of a benchmark on plain NumPy arrays: no files, no clocks, no state, no NaN out.

stats: intervals, tails, proportions, when to stop. steady: warm-up and steady state. compare: A/B.
energy: power traces and counters to joules. pareto: the fronts. nightly: the regression detector.
"""
