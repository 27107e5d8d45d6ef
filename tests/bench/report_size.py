"""How large the report of many cases over several nights is, and how long it takes to build.

    python tests/bench/report_size.py [--cases 1000] [--nights 3] [--profile] [--open]

At most 15 MB and 20 s on 2 cores with 1,000 cases over 3 nights; --open also tells, from headless Chromium, after how
many milliseconds the page shows its first content (at most 1,000).
"""

from __future__ import annotations

import argparse
import cProfile
import dataclasses
import pstats
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parent))
from _rounds import print_table, warn_if_busy

from harness.store.runfolder import RunFolder
from reports.build import build
from tests import factory

TARGET_BYTES, TARGET_S = 15e6, 20.0


def plans(cases: int) -> list[factory.Plan]:
    """That many cases: the made-up nets in as many widths as it takes."""
    nets = factory.nets(joules=True)
    return [
        dataclasses.replace(plan, case=dataclasses.replace(plan.case, model=f"{plan.case.model}-w{index // len(nets)}"))
        for index in range(cases)
        for plan in [nets[index % len(nets)]]
    ]


def nights(folder: Path, cases: int, count: int) -> list[RunFolder]:
    """The same cases night after night."""
    return [
        factory.write_run(folder / f"{night}", plans(cases), shift=1 + night / 100,
                          started_utc=f"2026-01-{night + 1:02d}T00:00:00Z")
        for night in range(count)
    ]  # fmt: skip


def first_content_ms(page: Path) -> float:
    """First contentful paint in headless Chromium."""
    from tests.ui.chromium import start

    driver = start()
    try:
        driver.get(page.as_uri())
        paint = driver.execute_script("return performance.getEntriesByName('first-contentful-paint')[0]?.startTime")
        return float(paint)
    finally:
        driver.quit()


def main() -> None:
    """Build, measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--nights", type=int, default=3)
    parser.add_argument("--profile", action="store_true", help="also print where the time goes")
    parser.add_argument("--open", action="store_true", help="also open it in Chromium")
    arguments = parser.parse_args()
    warn_if_busy()
    with tempfile.TemporaryDirectory() as scratch:
        runs = nights(Path(scratch), arguments.cases, arguments.nights)
        profiler = cProfile.Profile()
        if arguments.profile:
            profiler.enable()
        start, cpu = time.perf_counter(), time.process_time()
        page = build(runs, Path(scratch) / "report.html")
        took, used = time.perf_counter() - start, time.process_time() - cpu
        profiler.disable()
        size = page.stat().st_size
        rows = [["size, MB", f"{size / 1e6:.2f}", f"{size / TARGET_BYTES:.2f}"]]
        rows += [["build, s", f"{took:.1f}", f"{took / TARGET_S:.2f}"], ["CPU, s", f"{used:.1f}", "-"]]
        if arguments.open:
            paint = first_content_ms(page)
            rows.append(["first content, ms", f"{paint:.0f}", f"{paint / 1000:.2f}"])
        print_table([f"{arguments.cases} cases x {arguments.nights} nights", "found", "of its target"], rows)
    if arguments.profile:
        pstats.Stats(profiler).sort_stats("cumulative").print_stats(45)


if __name__ == "__main__":
    main()
