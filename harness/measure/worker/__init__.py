"""All that runs in the measured child process: `python -m harness.measure.worker JOB.json`."""
