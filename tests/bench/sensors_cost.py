"""What reading sensors costs: one reading of all channels of a Raspberry Pi 5 tree, and the sampler's share of a core.

    python -m tests.bench.sensors_cost [--seconds 20]

Aims: at most 100 us a reading, at most 0.2 % of one core at the default period. Run it on a quiet machine; a busy one
makes the first figure larger, so the best of several rounds is shown beside the median.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from harness.core.hostfs import HostFs
from harness.sensors import open_sensors, read_all
from harness.sensors.sampler import Sampler
from tests import trees

READS = 2000
AIM_US = 100.0
AIM_SHARE = 0.002


def read_cost_us(root: Path) -> tuple[float, float, int]:
    """Least and median time of one reading of all channels, in microseconds, and how many channels there are."""
    sensors = [sensor for sensor in open_sensors(HostFs(root)) if sensor.channels]
    times: list[float] = []
    for _ in range(READS):
        start = time.perf_counter_ns()
        found = read_all(sensors)
        times.append((time.perf_counter_ns() - start) / 1e3)
    return min(times), statistics.median(times), len(found)


def sampler_share(root: Path, seconds: float) -> float:
    """CPU time of the sampling thread over wall time, at the default period."""
    sampler = Sampler(open_sensors(HostFs(root))).start()
    time.sleep(seconds)
    traces = sampler.stop()
    return traces.cpu_ns / traces.wall_ns


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="how long the sampler runs (default: 20)")
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder:
        root = trees.write(Path(folder) / "pi", trees.raspberry_pi_5())
        least, median, channels = read_cost_us(root)
        print(f"one reading of {channels} channels: least {least:.0f} us, median {median:.0f} us (aim {AIM_US:.0f} us)")
        share = sampler_share(root, seconds)
        print(f"sampler, {seconds:.0f} s: {share:.3%} of one core (aim {AIM_SHARE:.1%})")


if __name__ == "__main__":
    main()
